"""Frame scores to video features: ours beside pandas' groupby of the same statistics.

    python benchmarks/aggregate.py --rows 15000000

Prints seconds (median and range), the ratio, the peak memory that each takes beyond the table
itself, and the largest difference between the two answers. Each side runs in a process of its own,
so that neither warms the other.
"""

import argparse
import multiprocessing
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd

from predictions import video_features

FRAMES, MODELS = 30, 5


def make_frames(n_rows: int, order: str, seed: int = 0) -> pd.DataFrame:
    """Logits of `MODELS` models on `FRAMES` frames a video, in the order asked for."""
    n_videos = max(1, n_rows // (FRAMES * MODELS))
    random = np.random.default_rng(seed)
    model, video, frame = (
        part.ravel()
        for part in np.meshgrid(
            np.arange(MODELS, dtype=np.int8),
            np.arange(n_videos, dtype=np.int32),
            np.arange(FRAMES, dtype=np.int16),
            indexing="ij",
        )
    )
    level = random.normal(0, 3, (MODELS, n_videos)).astype(np.float32)
    logit = random.standard_normal(len(video), dtype=np.float32) + level[model, video]
    if order == "shuffled":
        mixed = random.permutation(len(video))
        model, video, frame, logit = model[mixed], video[mixed], frame[mixed], logit[mixed]
    return pd.DataFrame(
        {
            "video": pd.Categorical.from_codes(video, [f"v{i:06d}.mp4" for i in range(n_videos)]),
            "frame": frame,
            "face": np.zeros(len(video), np.int16),
            "model": pd.Categorical.from_codes(model, [f"model_{i}" for i in range(MODELS)]),
            "logit": logit,
        }
    )


def ours(frames: pd.DataFrame) -> pd.DataFrame:
    return video_features(frames)


def pandas_groupby(frames: pd.DataFrame) -> pd.DataFrame:
    """The same numbers the way one writes them with pandas, without a Python call a group."""
    logit = frames["logit"].astype(np.float64)
    table = frames.assign(logit=logit, above=logit > 0)
    tracks = table.groupby(["model", "video", "face"], observed=True)["logit"].mean()
    grouped = table.groupby(["model", "video"], observed=True)
    by_video = grouped["logit"]
    features = {
        "": tracks.groupby(["model", "video"], observed=True).max(),
        ":spread": by_video.std(ddof=0),
        ":q10": by_video.quantile(0.1),
        ":q50": by_video.quantile(0.5),
        ":q90": by_video.quantile(0.9),
        ":share": grouped["above"].mean(),
        ":count": by_video.count(),
    }
    wide = {name: column.unstack("model") for name, column in features.items()}
    return pd.DataFrame(
        {f"{m}{name}": table[m] for m in wide[""].columns for name, table in wide.items()}
    )


def measure(
    name: str, n_rows: int, order: str, repeats: int
) -> tuple[list[float], float, pd.DataFrame]:
    """Seconds of each run, the memory beyond the table in GB, and a sample of the answer."""
    run: Callable[[pd.DataFrame], pd.DataFrame] = {"fakeodds": ours, "pandas": pandas_groupby}[name]
    frames = make_frames(n_rows, order)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(frames)
        seconds.append(time.perf_counter() - start)
    # The peak in a run of its own: counting every allocation costs time.
    tracemalloc.start()
    answer = run(frames)
    peak = tracemalloc.get_traced_memory()[1] / 1e9
    tracemalloc.stop()
    answer.index = answer.index.astype(str)
    return seconds, peak, answer.sort_index().iloc[:2000]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=15_000_000, help="frame scores in the table")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--order", choices=["sorted", "shuffled", "both"], default="both")
    arguments = parser.parse_args()
    # A fresh process each, also where the system would fork by default.
    context = multiprocessing.get_context("spawn")
    orders = ["sorted", "shuffled"] if arguments.order == "both" else [arguments.order]
    print(f"{arguments.rows:,} rows, {FRAMES} frames a video, {MODELS} models")
    for order in orders:
        medians, answers = {}, {}
        for name in ("fakeodds", "pandas"):
            with context.Pool(1) as pool:
                seconds, memory, answers[name] = pool.apply(
                    measure, (name, arguments.rows, order, arguments.repeats)
                )
            medians[name] = statistics.median(seconds)
            print(
                f"{order:9} {name:9} {medians[name]:7.2f} s ({min(seconds):.2f} to "
                f"{max(seconds):.2f}), {memory:5.2f} GB beyond the table"
            )
        difference = (answers["fakeodds"] - answers["pandas"][answers["fakeodds"].columns]).abs()
        print(
            f"{order:9} pandas / fakeodds = {medians['pandas'] / medians['fakeodds']:.1f}, largest "
            f"difference {difference.to_numpy().max():.1e}"
        )


if __name__ == "__main__":
    main()
