"""Face finders beside MTCNN on the same videos: speed, recall, and how their boxes lie.

    python benchmarks/finders.py FOLDER [--videos 10] [--frames 15] [--repeats 3]
                                 [--finders haar,blazeface,facemesh]

Each finder works through the videos as `fakeodds faces` does with one process and one thread, in
turns. The truth is what MTCNN finds when it searches every frame. Printed for each: the median of
the repeats' faces per second (decoding included), how many of the true faces it has (IoU of at
least .5), what it finds beyond them, and of the faces both have the median of MTCNN's longer side
over its own, and how much higher MTCNN's centre lies, in its own longer sides.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from bench_media import describe_cpu

from base_models.datasets import list_videos
from base_models.faces.extract import extract_video
from base_models.faces.registry import FINDERS
from base_models.faces.settings import FaceSettings
from base_models.faces.store import Faces
from base_models.faces.tracks import box_iou


def pairs(truth: Faces, found: Faces) -> list[tuple[np.ndarray, np.ndarray]]:
    """The boxes of faces that both have."""
    both = []
    for frame, box in zip(truth.frame, truth.box, strict=True):
        mine = found.box[found.frame == frame]
        overlap = box_iou(box[None], mine)[0]
        if len(mine) and overlap.max() >= 0.5:
            both.append((box, mine[overlap.argmax()]))
    return both


def describe(name: str, rates: list[float], truth: list[Faces], found: list[Faces]) -> str:
    """One line of the table."""
    both = [pair for one, other in zip(truth, found, strict=True) for pair in pairs(one, other)]
    true, mine = np.array(both).transpose(1, 0, 2)
    side = (mine[:, 2:] - mine[:, :2]).max(axis=1)
    larger = np.median((true[:, 2:] - true[:, :2]).max(axis=1) / side)
    higher = np.median((mine[:, 1] + mine[:, 3] - true[:, 1] - true[:, 3]) / 2 / side)
    right = np.median((true[:, 0] + true[:, 2] - mine[:, 0] - mine[:, 2]) / 2 / side)
    there, total = sum(map(len, truth)), sum(map(len, found))
    low, middle, high = np.quantile(rates, [0, 0.5, 1])
    return (
        f"{name:<16}{middle:8.1f} faces/s ({low:.1f} to {high:.1f})  has {len(both):4d} of {there}"
        f"  beyond {total - len(both):3d}  side x {larger:.3f}  up {higher:+.3f} right {right:+.3f}"
    )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="which video to begin with")
    parser.add_argument("--frames", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=3)
    known = [name for name, spec in FINDERS.items() if not spec.is_file]
    parser.add_argument("--finders", default=",".join(known))
    options = parser.parse_args()
    names = list_videos(options.folder)
    names = names[options.first :: max(1, len(names) // options.videos)][: options.videos]
    paths = [options.folder / name for name in names]
    torch.set_num_threads(1)
    cv2.setNumThreads(1)

    def look(finder: str, every: int = 15) -> list[Faces]:
        settings = FaceSettings(
            frames=options.frames, finder=finder, ladder=False, detect_every=every
        )
        return [extract_video(path, settings, threads=1) for path in paths]

    truth = look("mtcnn", every=1)
    finders = options.finders.split(",")
    rates: dict[str, list[float]] = {finder: [] for finder in finders}
    found = {finder: look(finder) for finder in finders}  # and warm
    for _ in range(options.repeats):
        for finder in finders:
            began = time.perf_counter()
            faces = sum(map(len, look(finder)))
            rates[finder].append(faces / (time.perf_counter() - began))
    print(describe_cpu())
    print(f"{options.folder}: {len(paths)} videos, {options.frames} frames each, one thread")
    for finder in finders:
        print(describe(finder, rates[finder], truth, found[finder]))


if __name__ == "__main__":
    main()
