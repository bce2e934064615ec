"""Where time is spent best: which videos deserve a closer look, when there is time for some.

Every video has had a first, cheap look. A closer look (more frames, more detectors) costs the same
for every video and gains most where the first one left most doubt. What it gains is learned from
labelled videos, out of fold.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_BINS = 10


def expected_gain(first: ArrayLike, before: ArrayLike, after: ArrayLike, new: ArrayLike) -> Floats:
    """How much log loss a closer look is expected to save, a new video, by its first probability.

    Args:
        first: (n,) probabilities of labelled videos after the first look, out of fold.
        before, after: (n,) log losses of the same videos after the first and the closer look.
        new: (m,) probabilities of new videos after the first look; NaN where it saw nothing.

    Returns:
        (m,) mean saving of the labelled videos in the same tenth of the first probabilities, never
        below 0; where the first look saw nothing, the mean over all.
    """
    p, asked = np.asarray(first, np.float64), np.asarray(new, np.float64)
    saved = np.asarray(before, np.float64) - np.asarray(after, np.float64)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, _BINS + 1)[1:-1]))
    place = np.searchsorted(edges, p)
    count = np.bincount(place, minlength=len(edges) + 1)
    total = np.bincount(place, weights=saved, minlength=len(edges) + 1)
    mean = np.where(count > 0, total / np.maximum(count, 1), saved.mean())
    gain = np.where(np.isnan(asked), saved.mean(), mean[np.searchsorted(edges, asked)])
    return np.maximum(gain, 0.0)


def choose_looks(gain: ArrayLike, cost: ArrayLike, budget: float) -> NDArray[np.intp]:
    """The look of each video that lowers the summed loss most within a budget of time.

    The linear relaxation of the multiple-choice knapsack (Sinha and Zoltners, Operations Research
    27, 1979): steps along each video's upper hull of gain against cost, best ratio first. It is the
    optimum but for the last step.

    Args:
        gain: (m, k) what each of k looks saves, a video.
        cost: (k,) seconds of each look.
        budget: seconds in all.

    Returns:
        (m,) 0..k-1, or -1 for no closer look.
    """
    gains, costs = np.asarray(gain, np.float64), np.asarray(cost, np.float64)
    steps: list[tuple[float, int, int, float]] = []
    order = np.argsort(costs, kind="stable")
    for video, row in enumerate(gains):
        hull: list[tuple[float, float, int]] = [(0.0, 0.0, -1)]
        for look in order:
            point = (float(costs[look]), float(row[look]), int(look))
            if point[1] <= hull[-1][1]:
                continue
            while len(hull) > 1 and _ratio(hull[-2], point) >= _ratio(hull[-2], hull[-1]):
                hull.pop()
            hull.append(point)
        steps += [(_ratio(a, b), video, b[2], b[0] - a[0]) for a, b in pairwise(hull)]
    chosen = np.full(len(gains), -1, np.intp)
    left, full = budget, np.zeros(len(gains), bool)
    # Steps of one video have falling ratios, so that they come in their order.
    for _, video, look, extra in sorted(steps, key=lambda step: (-step[0], step[1])):
        if full[video] or extra > left:
            full[video] = True
            continue
        chosen[video] = look
        left -= extra
    return chosen


def _ratio(a: tuple[float, float, int], b: tuple[float, float, int]) -> float:
    """What a second gains on the way from one look to a dearer one."""
    return (b[1] - a[1]) / max(b[0] - a[0], 1e-12)
