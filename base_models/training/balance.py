"""What is done where one class has more crops than the other."""

import math

import numpy as np
from numpy.typing import NDArray

from base_models.training.settings import Imbalance


def balanced_positions(
    fake: NDArray[np.bool_], way: Imbalance, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Which crops of an epoch are shown, in which order.

    Args:
        fake: (n,) the crops of the epoch in their order.
        way: `oversample` and `augment_rare` repeat crops of the rare class, all of them equally
            often but for a remainder drawn by chance; `undersample` leaves out crops of the
            frequent class; the others show all as they are.
        rng: where chance comes from.

    Returns:
        (m,) positions in `fake`, and (m,) whether the crop is a repetition. After `undersample`,
        `oversample` and `augment_rare` there are as many of one class as of the other, if there
        are any of both.
    """
    n = len(fake)
    places, counts = np.arange(n), np.bincount(fake, minlength=2)
    rare = np.flatnonzero(fake == (counts[1] < counts[0]))
    lacking = abs(int(counts[1]) - int(counts[0]))
    if way in ("none", "class_weights") or not lacking or not len(rare):
        return places, np.zeros(n, bool)
    if way == "undersample":
        frequent = np.flatnonzero(fake != (counts[1] < counts[0]))
        left_out = rng.permutation(frequent)[:lacking]
        kept = np.setdiff1d(places, left_out)
        return kept, np.zeros(len(kept), bool)
    whole, rest = divmod(lacking, len(rare))
    again = np.concatenate([np.tile(rare, whole), rng.permutation(rare)[:rest]])
    order = rng.permutation(n + lacking)
    return np.concatenate([places, again])[order], (order >= n)


def class_weights(fakes: int, reals: int) -> tuple[float, float]:
    """What a REAL and a FAKE crop weigh so that both classes weigh the same and the mean is 1."""
    n = fakes + reals
    return n / (2 * reals), n / (2 * fakes)


def log_odds(share: float) -> float:
    """log(share / (1 - share))."""
    return math.log(share) - math.log1p(-share)
