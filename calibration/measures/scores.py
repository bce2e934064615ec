"""How good probabilities are: every measure as a pure function of labels, probabilities, weights.

Everywhere y is (n,) with 1 = FAKE and 0 = REAL, p is (n,) with the probability of FAKE, and w is
(n,) or None; a weight of 2 counts as the row given twice. Bad input raises InputError.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.special import ndtr

from calibration.inputs import Codes, Floats, check_scored
from calibration.newton import fit_line, fit_offset
from predictions.logits import to_logit

#: Kaggle's bound: probabilities are moved this far from 0 and 1 before their logarithm is taken.
EPS = 1e-15

_BLOCK_VALUES = 4_194_304

Binning = Literal["mass", "width"]


def row_log_loss(y: Floats, p: Floats) -> Floats:
    """Log loss (nats) of each row, (n,), probabilities kept EPS away from 0 and 1."""
    return np.asarray(-np.log(np.clip(np.where(y == 1, p, 1 - p), EPS, 1 - EPS)))


def log_loss(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Mean log loss in nats, probabilities kept 1e-15 away from 0 and 1 as Kaggle does."""
    labels, probability, weight = check_scored(y, p, w)
    return float(np.average(row_log_loss(labels, probability), weights=weight))


def brier(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Mean squared error of the probability (Brier 1950, binary form: 0 to 1)."""
    labels, probability, weight = check_scored(y, p, w)
    return float(np.average((probability - labels) ** 2, weights=weight))


def accuracy(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Share of rows whose label is called right, FAKE being called where p > 0.5."""
    labels, probability, weight = check_scored(y, p, w)
    return float(np.average((probability > 0.5) == (labels == 1), weights=weight))


def auc(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Area under the ROC curve, ties counted half; NaN where only one class has weight."""
    labels, probability, weight = check_scored(y, p, w)
    return float(AucRows(labels, probability).of(weight[None, :])[0])


class AucRows:
    """Rows sorted once, so that the AUC under many weightings costs only sums.

    Args:
        y: labels, (n,).
        p: scores of any scale, (n,), high = FAKE.
    """

    def __init__(self, y: Floats, p: Floats) -> None:
        self._fake = np.flatnonzero(y == 1)
        real = np.flatnonzero(y != 1)
        self._real = real[np.argsort(p[real], kind="stable")]
        order = p[self._real]
        self._below = np.searchsorted(order, p[self._fake], side="left")
        self._upto = np.searchsorted(order, p[self._fake], side="right")

    def of(self, weights: Floats) -> Floats:
        """AUC of each weighting; weights (b, n) -> (b,), NaN where a class has no weight."""
        real = np.zeros((len(weights), len(self._real) + 1))
        np.cumsum(weights[:, self._real], axis=1, out=real[:, 1:])
        fake = weights[:, self._fake]
        # Half of the reals strictly below plus half of those at or below: ties count half.
        beaten = np.einsum("bi,bi->b", fake, real[:, self._below] + real[:, self._upto]) / 2
        pairs = fake.sum(axis=1) * real[:, -1]
        return np.divide(beaten, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)

    def placements(self) -> Floats:
        """Of each fake the share of reals below it, of each real the share of fakes above it, (n,).

        Ties count half. How the AUC of many rows moves with their weights is how the two means of
        these move (DeLong, DeLong and Clarke-Pearson 1988). Needs rows of both labels.
        """
        n_fakes, n_reals = len(self._fake), len(self._real)
        won = np.empty(n_fakes + n_reals)
        won[self._fake] = (self._below + self._upto) / (2 * n_reals)
        # The real at place j of the sorted ones is below a fake with more than j reals below it.
        place = np.arange(n_reals)
        above = [np.searchsorted(np.sort(x), place, "right") for x in (self._below, self._upto)]
        won[self._real] = 1 - (above[0] + above[1]) / (2 * n_fakes)
        return won

    def between(self, codes: Codes, n_groups: int) -> Floats:
        """Pairs won between groups, (n_groups, n_groups): [g, h] counts g's fakes over h's reals.

        Ties count half. With drawn groups (b, n_groups) as weights, their AUC is then a product of
        small matrices; worth it while groups are far fewer than rows.
        """
        won = np.zeros((n_groups, n_groups))
        real = codes[self._real]
        fake = codes[self._fake]
        rows = max(1, _BLOCK_VALUES // n_groups)
        # How many reals of each group lie below: counted up to a block's lowest fake once, then on.
        order = np.argsort(self._below, kind="stable")
        for first in range(0, len(order), rows):
            block = order[first : first + rows]
            low, high = self._below[block[0]], int(self._upto[block].max())
            start = np.bincount(real[:low], minlength=n_groups).astype(np.float64)
            counts = np.zeros((high - low + 1, n_groups))
            counts[np.arange(1, high - low + 1), real[low:high]] = 1
            counts[0] = start
            np.cumsum(counts, axis=0, out=counts)
            beaten = counts[self._below[block] - low] + counts[self._upto[block] - low]
            picks = csr_array(
                (np.full(len(block), 0.5), (fake[block], np.arange(len(block)))),
                shape=(n_groups, len(block)),
            )
            won += picks @ beaten
        return won


@dataclass(frozen=True)
class Confusion:
    """Weighted counts at a threshold: FAKE is called where p > threshold."""

    true_fake: float
    false_fake: float
    true_real: float
    false_real: float
    threshold: float


def confusion(
    y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None, *, threshold: float = 0.5
) -> Confusion:
    """The confusion matrix where FAKE is called if p > threshold (counts, or sums of weights)."""
    labels, probability, weight = check_scored(y, p, w)
    fake, called = labels == 1, probability > threshold
    return Confusion(
        true_fake=float(weight[fake & called].sum()),
        false_fake=float(weight[~fake & called].sum()),
        true_real=float(weight[~fake & ~called].sum()),
        false_real=float(weight[fake & ~called].sum()),
        threshold=threshold,
    )


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
    n_bins: int = 15,
    binning: Binning = "mass",
    debias: bool = True,
) -> float:
    """Expected calibration error: mean |share of FAKE - mean p| over bins, weighted by bin.

    Equal mass ("mass") or equal width ("width") bins; `debias` takes off what noise alone adds
    (see gaps_to_ece); without that even perfect probabilities have a clearly positive value.
    """
    labels, probability, weight = check_scored(y, p, w)
    bins = bin_rows(probability, weight, n_bins, binning)
    gap, share, mass = (
        np.bincount(bins, weights=weight * value, minlength=n_bins).astype(np.float64)
        for value in (labels - probability, labels, np.ones_like(labels))
    )
    return float(gaps_to_ece(gap, share, mass, debias))


def bounded_logit(p: Floats) -> Floats:
    """Logits of probabilities kept EPS away from 0 and 1, as log loss takes them."""
    return to_logit(np.clip(p, EPS, 1 - EPS))


def calibration_line(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> tuple[float, float]:
    """Calibration slope and intercept (Cox 1958): logit P(FAKE) = intercept + slope * logit p.

    1 and 0 where p is calibrated; a slope below 1 says that p is overconfident. NaN, NaN where
    one label is missing or all p are equal, as no line is determined then.
    """
    labels, probability, weight = check_scored(y, p, w)
    return fit_line(bounded_logit(probability), labels, weight)


def calibration_in_the_large(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """The one shift of the logits that makes mean p the share of FAKE (slope held at 1).

    0 where p is right on average, positive where FAKE is called too rarely; NaN with one label.
    """
    labels, probability, weight = check_scored(y, p, w)
    return fit_offset(bounded_logit(probability), labels, weight)
