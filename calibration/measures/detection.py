"""Error rates over all thresholds, and the measures that detection challenges make of them.

FAKE is called where p > threshold. A **false alarm** is a REAL called FAKE, a **miss** a FAKE
called REAL. In speech challenges bona fide is the target, so that their "miss" is a false alarm
here and their "false acceptance" a miss.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from calibration.inputs import Floats, check_scored
from calibration.measures.line import bounded_logit
from predictions.errors import InputError
from predictions.logits import to_logit


@dataclass(frozen=True)
class Costs:
    """What errors cost, and how many videos are fakes where they are made.

    Attributes:
        share: of FAKE among the videos that are to be decided.
        miss, false_alarm: of one such error.

    Examples:
        >>> from calibration import Costs
        >>> round(Costs(share=0.05, miss=10.0).threshold, 3)
        0.091
    """

    share: float = 0.05
    miss: float = 10.0
    false_alarm: float = 1.0

    @property
    def threshold(self) -> float:
        """The probability of FAKE above which calling FAKE costs least (Bayes)."""
        return self.false_alarm / (self.false_alarm + self.miss)

    @property
    def least_blind(self) -> float:
        """What the better answer costs that looks at nothing: always FAKE, or always REAL."""
        return min(self.share * self.miss, (1 - self.share) * self.false_alarm)

    def of(self, false_alarms: Floats, misses: Floats) -> Floats:
        """The cost a video at such rates, in units of `least_blind`."""
        total = self.share * self.miss * misses + (1 - self.share) * self.false_alarm * false_alarms
        return np.asarray(total / self.least_blind)


#: Those of ASVspoof 5 (Wang et al. 2024): 5 % spoofs, and to let one pass costs ten times.
ASVSPOOF5 = Costs()


class ErrorRates:
    """Rows sorted once, so that their error rates under many weightings cost only sums.

    Args:
        y: labels, (n,), 1 = FAKE.
        p: scores of any scale, (n,), high = FAKE.
    """

    def __init__(self, y: Floats, p: Floats) -> None:
        self._order = np.argsort(p, kind="stable")
        ordered = p[self._order]
        self._fake = y[self._order] == 1
        self._last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
        #: Each says which rows are called FAKE: all of them at the first, none at the last.
        self.thresholds = np.append(-np.inf, ordered[self._last])

    def of(self, weight: Floats) -> tuple[Floats, Floats]:
        """False alarms and misses at each threshold, as shares of the weight (n,) of a label.

        NaN where a label has no weight.
        """
        ordered = weight[self._order]
        missed, passed = (
            np.append(0.0, np.cumsum(np.where(side, ordered, 0.0))[self._last])
            for side in (self._fake, ~self._fake)
        )
        fakes, reals = missed[-1], passed[-1]
        false_alarms = 1 - passed / reals if reals > 0 else np.full_like(passed, np.nan)
        return false_alarms, missed / fakes if fakes > 0 else np.full_like(missed, np.nan)


def error_rates(
    y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Thresholds, rising, with the false alarms and misses at each; all (m,).

    NaN for a label without rows.

    Examples:
        >>> from calibration import error_rates
        >>> thresholds, false_alarms, misses = error_rates([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> false_alarms.tolist(), misses.tolist()
        ([1.0, 0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5, 1.0])
    """
    labels, probability, weight = check_scored(y, p, w)
    rows = ErrorRates(labels, probability)
    return rows.thresholds, *rows.of(weight)


def eer(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Equal error rate: the mean of false alarms and misses where the two are nearest.

    As ASVspoof computes it. NaN with one label.

    Examples:
        >>> from calibration import eer
        >>> eer([0, 0, 0, 1, 1], [0.1, 0.6, 0.2, 0.4, 0.8])
        0.4166666666666667
    """
    _, false_alarms, misses = error_rates(y, p, w)
    return equal_rate(false_alarms, misses)


def equal_rate(false_alarms: Floats, misses: Floats) -> float:
    """`eer` of rates at rising thresholds, (m,)."""
    gap = np.abs(false_alarms - misses)
    if np.isnan(gap).any():
        return float("nan")
    nearest = int(np.argmin(gap))
    return float((false_alarms[nearest] + misses[nearest]) / 2)


def min_dcf(
    y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None, *, costs: Costs = ASVSPOOF5
) -> float:
    """The detection cost of the best threshold for these labels (Brümmer and du Preez 2006).

    1 is what the better answer costs that looks at nothing. NaN with one label.

    Examples:
        >>> from calibration import min_dcf
        >>> min_dcf([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.5
    """
    _, false_alarms, misses = error_rates(y, p, w)
    return float(np.min(costs.of(false_alarms, misses)))


def act_dcf(
    y: ArrayLike,
    p: ArrayLike,
    w: ArrayLike | None = None,
    *,
    prior: float,
    costs: Costs = ASVSPOOF5,
) -> float:
    """The detection cost at the threshold that the probabilities themselves call for.

    What it has above `min_dcf` is lost to miscalibration.

    Args:
        p: probabilities of FAKE, (n,), calibrated where `prior` of the videos are FAKE.
        prior: that share, in (0, 1).

    Examples:
        >>> from calibration import act_dcf
        >>> act_dcf([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], prior=0.5)
        0.5
    """
    labels, probability, weight = check_scored(y, p, w)
    return float(act_cost(labels, log_ratios(probability, prior), weight, costs))


def log_ratios(p: Floats, prior: float) -> Floats:
    """Log-likelihood ratios (nats) of FAKE to REAL, of probabilities at a share of fakes.

    Raises:
        InputError: a share that is not strictly between 0 and 1.
    """
    if not 0 < prior < 1:
        raise InputError(f"the share of fakes is {prior}", expected="one between 0 and 1")
    return np.asarray(bounded_logit(p) - to_logit(np.float64(prior)))


def act_cost(y: Floats, ratio: Floats, w: Floats, costs: Costs) -> float:
    """`act_dcf` of log-likelihood ratios (n,)."""
    called = ratio + to_logit(np.float64(costs.share)) > to_logit(np.float64(costs.threshold))
    reals, fakes = w[y != 1].sum(), w[y == 1].sum()
    if not reals or not fakes:
        return float("nan")
    false_alarms = w[called & (y != 1)].sum() / reals
    misses = w[~called & (y == 1)].sum() / fakes
    return float(costs.of(np.asarray(false_alarms), np.asarray(misses)))


def cllr(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None, *, prior: float) -> float:
    """Cost of log-likelihood ratios in bits, both labels alike (Brümmer and du Preez 2006).

    0 is perfect, 1 knows nothing. NaN with one label.

    Args:
        p: probabilities of FAKE, (n,), calibrated where `prior` of the videos are FAKE.
        prior: that share, in (0, 1).

    Examples:
        >>> from calibration import cllr
        >>> cllr([1, 0, 1, 0], [0.3, 0.3, 0.3, 0.3], prior=0.3)
        1.0
    """
    labels, probability, weight = check_scored(y, p, w)
    return ratio_cost(labels, log_ratios(probability, prior), weight)


def ratio_cost(y: Floats, ratio: Floats, w: Floats) -> float:
    """`cllr` of log-likelihood ratios (n,) in nats."""
    fakes, reals = w * (y == 1), w * (y != 1)
    if not fakes.any() or not reals.any():
        return float("nan")
    of_fakes = np.average(np.logaddexp(0.0, -ratio), weights=fakes)
    of_reals = np.average(np.logaddexp(0.0, ratio), weights=reals)
    return float((of_fakes + of_reals) / (2 * np.log(2)))


def min_cllr(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """The `cllr` that the best rising map of the scores would have: what ranking alone gives.

    The map is isotonic regression (pool adjacent violators), fitted to these very labels. NaN with
    one label.

    Examples:
        >>> from calibration import min_cllr
        >>> round(min_cllr([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 9)
        0.5
    """
    _, false_alarms, misses = error_rates(y, p, w)
    return least_ratio_cost(false_alarms, misses)


def least_ratio_cost(false_alarms: Floats, misses: Floats) -> float:
    """`min_cllr` of rates at rising thresholds, (m,)."""
    from scipy.optimize import isotonic_regression

    if np.isnan(false_alarms).any() or np.isnan(misses).any():
        return float("nan")
    # What share of each label has each score: both labels count alike, so the prior's logit is 0.
    fakes, reals = np.diff(misses), -np.diff(false_alarms)
    weight = fakes + reals
    there = weight > 0
    fakes, reals, weight = fakes[there], reals[there], weight[there]
    best = isotonic_regression(fakes / weight, weights=weight).x
    # A score of the other label never lies where the map is 0 or 1, so its cost is finite.
    return float(-(xlogy(fakes, best) + xlogy(reals, 1 - best)).sum() / (2 * np.log(2)))


def partial_auc(
    y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None, *, most: float = 0.1
) -> float:
    """AUC of the part with at most so many false alarms, standardised (McClish 1989).

    .5 is guessing and 1 perfect, as of the whole AUC. NaN with one label.

    Args:
        most: false alarms, in (0, 1].

    Examples:
        >>> from calibration import partial_auc
        >>> partial_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], most=0.5)
        0.6666666666666666
    """
    _, false_alarms, misses = error_rates(y, p, w)
    return area_up_to(false_alarms, misses, most)


def area_up_to(false_alarms: Floats, misses: Floats, most: float) -> float:
    """`partial_auc` of rates at rising thresholds, (m,).

    Raises:
        InputError: `most` is not in (0, 1].
    """
    if not 0 < most <= 1:
        raise InputError(f"the false alarms are {most}", expected="a share in (0, 1]")
    if np.isnan(false_alarms).any() or np.isnan(misses).any():
        return float("nan")
    rising, caught = false_alarms[::-1], 1 - misses[::-1]
    kept = rising <= most
    x = np.append(rising[kept], most)
    area = float(np.trapezoid(np.append(caught[kept], np.interp(most, rising, caught)), x))
    guessing = most**2 / 2
    return float((1 + (area - guessing) / (most - guessing)) / 2)
