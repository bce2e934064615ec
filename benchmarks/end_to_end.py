"""Seconds a video from file to five detectors' scores: the share of each stage, memory.

    python benchmarks/end_to_end.py VIDEO [--frames 32] [--size 224]

VIDEO is re-encoded to 10 s at 720p and at 1080p. Each is scored by the five detectors (random
weights, one model each) as `predict` does it, by as many threads as there are cores, several copies
at once; a second a video is the wall time over the copies. Opening the detectors is told apart.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from bench_media import DETECTORS, describe_cpu, open_scratch, peak_mb, write_resized

from base_models.compute.threads import available_threads
from base_models.faces.settings import FaceSettings
from base_models.scoring.online import VideoScorer

_COPIES = 6


def time_videos(
    scorer: VideoScorer, paths: list[Path], frames: int, names: list[str]
) -> tuple[float, dict[str, float]]:
    """Wall seconds for all, and the seconds of each stage summed over the threads."""
    began = time.perf_counter()
    with ThreadPoolExecutor(available_threads()) as pool:
        scored = list(pool.map(lambda path: scorer.score(path, frames, names), paths))
    wall = time.perf_counter() - began
    stages = {stage: sum(s.seconds[stage] for s in scored) for stage in scored[0].seconds}
    return wall, stages


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    began = time.perf_counter()
    opened = open_scratch(DETECTORS, asked.size, "openvino")
    scorer = VideoScorer(FaceSettings(frames=asked.frames), opened)
    five = list(scorer.detectors)
    print(describe_cpu())
    print(f"opening {len(five)} detectors, once: {time.perf_counter() - began:.1f} s")
    with TemporaryDirectory() as folder:
        made = {
            height: write_resized(asked.video, Path(folder) / f"{height}.mp4", height)
            for height in (720, 1080)
        }
        scorer.score(made[720], 2, five)  # the first call prepares
        for height, path in made.items():
            runs = [
                time_videos(scorer, [path] * _COPIES, asked.frames, five)
                for _ in range(asked.repeats)
            ]
            seconds = np.array([wall for wall, _ in runs]) / _COPIES
            share = {k: np.median([s[k] / sum(s.values()) for _, s in runs]) for k in runs[0][1]}
            told = ", ".join(f"{stage} {part:.0%}" for stage, part in share.items())
            print(
                f"{height}p, {asked.frames} frames, five detectors: {np.median(seconds):.2f} s a "
                f"video ({seconds.min():.2f}-{seconds.max():.2f}); {told}; peak {peak_mb():.0f} MB"
            )


if __name__ == "__main__":
    main()
