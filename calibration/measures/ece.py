"""Expected calibration error over bins, as the literature has it and debiased.

Three numbers go by that name here, and they differ by far more than rounding:

- `ece_plain` is the literature's (Naeini et al. 2015; Guo et al. 2017): 15 bins of equal width, not
  debiased. Even perfect probabilities have a clearly positive one, the more so the fewer the rows;
  it is the one to set beside a paper's.
- `ece` and `ece_width` take off what noise alone adds, over bins of equal mass and of equal width.
  They are not let below 0, so .000 says that no miscalibration can be shown, not that there is
  none.
- the smooth one (`smooth.py`) has no bins.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from calibration.inputs import Codes, Floats, check_scored

Binning = Literal["mass", "width"]

N_BINS = 15


def bin_rows(p: Floats, w: Floats, n_bins: int, binning: Binning) -> Codes:
    """The bin 0..n_bins-1 of each row, (n,).

    "width": [k / n_bins, (k + 1) / n_bins), with 1.0 in the last one: exactly n_bins bins.
    "mass": about equal total weight; rows with the same probability are never parted.
    """
    if binning == "width":
        return np.minimum((p * n_bins).astype(np.intp), n_bins - 1)
    values, inverse = np.unique(p, return_inverse=True)
    mass = np.bincount(inverse, weights=w, minlength=len(values))
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    return np.minimum((middle * n_bins).astype(np.intp), n_bins - 1)[inverse]


def gaps_to_ece(gap: Floats, share: Floats, mass: Floats, debias: bool) -> Floats:
    """Expected calibration error from bins, the last axis: (..., bins) -> (...).

    Args:
        gap: sum of weighted (y - p) in each bin.
        share: sum of weighted y in each bin.
        mass: sum of weights in each bin; counts where the weights are repetitions.
        debias: take off what noise alone adds. |d| of a bin's mean gap d, with standard error s,
            is too large by up to .8 s even where the truth is 0. In its place stands the mean
            of sign(d1) d2 over splits of the bin into two independent halves, which under a
            normal d is d (2 Phi(d / s) - 1) - 2 s phi(d / s): 0 on average where the bin is
            calibrated, |d| where d is beyond doubt, never too large on average.

    The sum over bins is not let below 0.
    """
    size = np.where(mass > 0, mass, 1.0)
    mean_gap = np.abs(gap) / size
    if debias:
        # By the rule of succession, so that a bin of one label has a standard error too.
        rate = (share + 1) / (size + 2)
        error = np.sqrt(rate * (1 - rate) / size)
        ratio = mean_gap / error
        density = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
        mean_gap = mean_gap * (2 * ndtr(ratio) - 1) - 2 * error * density
    total = mass.sum(axis=-1)
    return np.asarray(np.maximum((mean_gap * mass).sum(axis=-1) / total, 0.0))


def ece(
    y: ArrayLike,
    p: ArrayLike,
    w: ArrayLike | None = None,
    *,
    n_bins: int = N_BINS,
    binning: Binning = "mass",
    debias: bool = True,
) -> float:
    """Expected calibration error: mean |share of FAKE - mean p| over bins, weighted by bin.

    Equal mass ("mass") or equal width ("width") bins; `debias` takes off what noise alone adds
    (see gaps_to_ece); without that even perfect probabilities have a clearly positive value. The
    literature's (Naeini et al. 2015; Guo et al. 2017) is binning="width", debias=False.

    Examples:
        >>> from calibration import ece
        >>> y, p = [0, 1] * 50, [0.4, 0.6] * 50
        >>> round(ece(y, p, n_bins=2), 3)
        0.4
    """
    labels, probability, weight = check_scored(y, p, w)
    bins = bin_rows(probability, weight, n_bins, binning)
    gap, share, mass = (
        np.bincount(bins, weights=weight * value, minlength=n_bins).astype(np.float64)
        for value in (labels - probability, labels, np.ones_like(labels))
    )
    return float(gaps_to_ece(gap, share, mass, debias))


class BinSums:
    """The sums behind the calibration error, a row a group, so that replicates cost a product."""

    def __init__(self, y: Floats, p: Floats, codes: Codes, n_groups: int, binning: Binning) -> None:
        cell = codes * N_BINS + bin_rows(p, np.ones_like(p), N_BINS, binning)
        self._sums = [
            np.bincount(cell, weights=value, minlength=n_groups * N_BINS).reshape(n_groups, -1)
            for value in (y - p, y, np.ones_like(y))
        ]

    def ece(self, drawn: Floats, debias: bool = True) -> Floats:
        """Calibration error of each weighting of the groups: (b, n_groups) -> (b,)."""
        gap, share, mass = (drawn @ sums for sums in self._sums)
        return gaps_to_ece(gap, share, mass, debias)
