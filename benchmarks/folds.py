"""Group folds at DFDC's size: ours beside scikit-learn's StratifiedGroupKFold.

    python benchmarks/folds.py

DFDC's full training set has 119,154 videos from 19,154 originals; the groups here are made up with
these counts (an original and a random number of its fakes). Prints seconds (median and range), the
ratio, how far sizes and shares of fakes differ between folds, and whether a group is split. Further
tables show groups of very uneven size, and few groups.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from predictions import assign_folds

Integers = NDArray[np.int64]


def make_groups(
    n_videos: int, n_groups: int, evenness: float, seed: int = 0
) -> tuple[Integers, Integers]:
    """Labels and groups: a real video each, fakes shared out, less evenly the lower `evenness`."""
    random = np.random.default_rng(seed)
    weights = random.gamma(evenness, size=n_groups)
    fakes = random.multinomial(n_videos - n_groups, weights / weights.sum())
    groups = np.concatenate([np.arange(n_groups), np.repeat(np.arange(n_groups), fakes)])
    labels = (np.arange(n_videos) >= n_groups).astype(np.int64)
    order = random.permutation(n_videos)
    return labels[order], groups[order]


def ours(labels: Integers, groups: Integers, n_splits: int) -> Integers:
    return assign_folds(labels, groups, n_splits).astype(np.int64)


def scikit_learn(labels: Integers, groups: Integers, n_splits: int) -> Integers:
    folds = np.empty(len(labels), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_splits)
    for fold, (_, test) in enumerate(splitter.split(labels, labels, groups)):
        folds[test] = fold
    return folds


def describe(labels: Integers, groups: Integers, folds: Integers) -> str:
    size = np.bincount(folds) / len(folds)
    share = np.bincount(folds, labels) / np.bincount(folds)
    pairs = len(np.unique(groups * (folds.max() + 1) + folds))
    split = pairs - len(np.unique(groups))
    return (
        f"sizes within {100 * np.ptp(size):.4f} %, shares of fakes within "
        f"{100 * np.ptp(share):.4f} %, groups split: {split}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folds", type=int, default=5)
    arguments = parser.parse_args()
    sides: dict[str, Callable[[Integers, Integers, int], Integers]] = {
        "fakeodds": ours,
        "scikit-learn": scikit_learn,
    }
    shapes = {
        "DFDC": (119_154, 19_154, 1.5),
        "uneven": (13_855, 582, 0.1),
        "few": (300, 24, 1.0),
    }
    for shape, (n_videos, n_groups, evenness) in shapes.items():
        labels, groups = make_groups(n_videos, n_groups, evenness)
        print(f"{shape}: {n_videos:,} videos, {n_groups:,} groups, {arguments.folds} folds")
        medians = {}
        for name, run in sides.items():
            seconds = []
            for _ in range(arguments.repeats):
                start = time.perf_counter()
                folds = run(labels, groups, arguments.folds)
                seconds.append(time.perf_counter() - start)
            medians[name] = statistics.median(seconds)
            print(
                f"  {name:12} {medians[name]:8.4f} s ({min(seconds):.4f} to {max(seconds):.4f}); "
                f"{describe(labels, groups, folds)}"
            )
        print(f"  scikit-learn / fakeodds = {medians['scikit-learn'] / medians['fakeodds']:.0f}")


if __name__ == "__main__":
    main()
