"""Whether one column of probabilities is better than another, on the same rows.

Groups are cut into two halves by coin flips, many times. If the first column is no better than the
second, its lead in one half is a loss in the other as often as not: 0 lies between the two halves'
differences in most cuts. The share of cuts in which it does is the p-value, and the interval holds
every value that would not be refused so (the typical values of Hartigan 1969). It is the same as
giving each group's difference a random sign (the wild bootstrap with the null imposed of Cameron,
Gelbach and Miller 2008), and exact with any number of groups of any size where a group's difference
is as likely to be +d as -d (Canay, Romano and Shaikh 2017).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from calibration.inputs import Codes, Floats, check_probability, check_scored
from calibration.measures.bootstrap import group_sums, units_of
from calibration.measures.scores import AucRows, row_log_loss
from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.order import row_order

Measure = Literal["log_loss", "brier", "auc"]

#: Cuts into halves; where there are no more of them, each is made once.
N_DRAWS = 10_000

#: What the number of rows that would tell is for: power at this level, two-sided.
_POWER, _LEVEL = 0.8, 0.05

#: Numbers held at once by a block of draws (32 MiB of float64).
_BLOCK_VALUES = 4_194_304

#: Of the largest group's difference: what is smaller than that is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PairedDifference:
    """A measure of one column less that of another, on the same rows.

    Attributes:
        measure: "log_loss" (nats), "brier" or "auc".
        value: the difference: below 0 the first has the lower log loss or Brier score, above 0 the
            larger AUC. NaN for the AUC of one class.
        low, high: ends of its interval over groups (95 %, or as it was wanted); NaN where there are
            too few groups for one, which at 95 % are 5.
        p_value: of no difference, two-sided; at .05 or below just where the 95 % interval does not
            hold 0. With g groups it is 2^(1-g) at the least.
        standard_error: over groups; infinite with one.
        rows, groups: how many there were.
        rows_to_tell: rows of groups like these, in all, of which 80 % of such comparisons would
            show a difference as large as `value` at 5 %; infinite where it is 0.

    Examples:
        >>> from calibration import paired_difference
        >>> y, p, q = [1, 0] * 8, [0.8, 0.1] * 8, [0.6, 0.3] * 8
        >>> found = paired_difference(y, p, q)
        >>> round(found.value, 3), found.p_value < 0.05
        (-0.269, True)
    """

    measure: Measure
    value: float
    low: float
    high: float
    p_value: float
    standard_error: float
    rows: int
    groups: int
    rows_to_tell: float

    @property
    def further_rows(self) -> float:
        """Rows that are lacking of `rows_to_tell`, 0 where there are as many already."""
        return max(self.rows_to_tell - self.rows, 0.0)


@dataclass(frozen=True)
class MeanTests:
    """Tests of s means: `value`, `low`, `high` and `p_value` of no difference, (s,) each."""

    value: Floats
    low: Floats
    high: Floats
    p_value: Floats


def paired_difference(
    y: ArrayLike,
    p: ArrayLike,
    q: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    measure: Measure = "log_loss",
    n_draws: int = N_DRAWS,
    seed: int = 0,
    level: float = 0.95,
) -> PairedDifference:
    """How much better p is than q, with an interval and a p-value that agree.

    Args:
        y: labels, (n,), 1 = FAKE.
        p: probabilities of FAKE, (n,). q: those of the other column.
        groups: what stays together, (n,); each row alone if not given. Over 2,000 of them are
            joined into blocks (`bootstrap.units_of`).
        measure: of the log loss and the Brier score the rows' differences are summed by group; of
            the AUC what each group's ranks add to it (Bandos, Rockette and Gur 2005; the standard
            error is that of Obuchowski 1997).
        n_draws: cuts into halves; all there are of up to 14 groups. seed: of the draws.
        level: of the interval.

    Raises:
        InputError: labels, probabilities or groups that are none, or no such measure.

    Examples:
        >>> from calibration import paired_difference
        >>> y, actor = [1, 0] * 8, [i // 2 for i in range(16)]
        >>> p, q = [0.8, 0.1] * 8, [0.6, 0.3, 0.9, 0.1] * 4
        >>> found = paired_difference(y, p, q, actor, measure="brier")
        >>> round(found.value, 4), round(found.p_value, 3), found.groups
        (-0.0425, 0.125, 8)
    """
    if measure not in get_args(Measure):
        raise InputError(
            f"there is no measure {measure!r} to compare by",
            expected=f"one of {', '.join(get_args(Measure))}",
        )
    labels, first, _ = check_scored(y, p)
    second = check_probability(q, len(labels))
    codes = group_codes(groups, len(labels), sort=True)
    if groups is not None:
        order = row_order(codes, first, second, labels)
        labels, first, second = labels[order], first[order], second[order]
        codes = codes[order]
    n_groups = int(codes.max()) + 1
    if measure == "auc" and labels.min() == labels.max():
        nan = float("nan")
        return PairedDifference(measure, nan, nan, nan, nan, nan, len(labels), n_groups, nan)
    sums, mass = difference_sums(labels, first, second, codes, measure)
    tests = mean_tests(sums[:, None], mass, n_draws=n_draws, seed=seed, level=level)
    value = float(tests.value[0])
    if measure == "auc":
        error = _error_of_areas(labels, first, second, codes)
    else:
        error = _error(sums - mass * value, len(labels))
    return PairedDifference(
        measure=measure,
        value=value,
        low=float(tests.low[0]),
        high=float(tests.high[0]),
        p_value=float(tests.p_value[0]),
        standard_error=error,
        rows=len(labels),
        groups=n_groups,
        rows_to_tell=rows_to_tell(value, error, len(labels)),
    )


def difference_sums(
    y: Floats, p: Floats, q: Floats, codes: Codes, measure: Measure
) -> tuple[Floats, Floats]:
    """What each group adds to the difference of p and q, and how much it weighs, (groups,) each.

    The first over the second, both summed over all groups, is the difference.
    """
    n_groups = int(codes.max()) + 1
    if measure == "auc":
        # Ranks, as an AUC knows no scale; each row is placed among the other label's ranks of both
        # columns, so that to swap them within a group is to turn the sign of what it adds.
        n, weight = len(y), _of_own_label(y)
        ranks = np.concatenate([rankdata(p), rankdata(q)])
        won = AucRows(np.tile(y, 2), ranks).placements()
        rows = np.column_stack([weight * (won[:n] - won[n:]), weight / 2])
    else:
        each = [row_log_loss(y, x) if measure == "log_loss" else (x - y) ** 2 for x in (p, q)]
        rows = np.column_stack([each[0] - each[1], np.ones(len(y))])
    sums = group_sums(rows, codes, n_groups)
    return sums[:, 0], sums[:, 1]


def mean_tests(
    sums: Floats, mass: Floats, *, n_draws: int = N_DRAWS, seed: int = 0, level: float = 0.95
) -> MeanTests:
    """Whether each of s means is 0, with the interval that says the same.

    Args:
        sums: (groups, s), summed over the rows of a group.
        mass: (groups,) weights of the groups: their rows.
        n_draws, seed, level: as `paired_difference` has them.
    """
    units, n_units = units_of(np.arange(len(mass)), seed)
    both = group_sums(np.column_stack([sums, mass]), units, n_units)
    whole = both.sum(axis=0)
    ends = []
    for half in halves(n_units, n_draws, seed):
        one = half @ both
        ends.append(np.stack([_shares(one), _shares(whole - one)]))
    means = np.concatenate(ends, axis=1)
    # What is 0 but for rounding lies between nothing and everything.
    means[np.abs(means) <= _ROUNDING * np.abs(both).max(axis=0)[:-1] / mass.sum()] = 0.0
    empty = np.isnan(means).any(axis=0)
    low = np.where(empty, -np.inf, means.min(axis=0))
    high = np.where(empty, np.inf, means.max(axis=0))
    refused = int(np.floor((1 - level) * len(low) + _ROUNDING))
    ends_low, ends_high = np.sort(low, axis=0)[refused], np.sort(-high, axis=0)[refused]
    return MeanTests(
        value=whole[:-1] / whole[-1],
        low=np.where(np.isfinite(ends_low), ends_low, np.nan),
        high=np.where(np.isfinite(ends_high), -ends_high, np.nan),
        p_value=((low <= 0) & (high >= 0)).mean(axis=0),
    )


def halves(n_groups: int, n_draws: int, seed: int = 0) -> Iterator[Floats]:
    """One half of each cut of the groups in two: blocks (b, n_groups) of 1.0 inside, 0.0 outside.

    Each group falls into either half as by a coin. The first cut has all groups on one side, as
    they came. Where `n_draws` cuts are all there are, or more, each is made once.
    """
    if n_groups - 1 <= math.log2(n_draws):
        cuts = np.arange(2 ** (n_groups - 1))[:, None] >> np.arange(n_groups) & 1
        yield (1 - cuts).astype(np.float64)
        return
    random = np.random.default_rng(seed)
    size = max(1, _BLOCK_VALUES // n_groups)
    for first in range(0, n_draws, size):
        half: NDArray[np.bool_] = random.integers(
            2, size=(min(size, n_draws - first), n_groups), dtype=bool
        )
        if not first:
            half[0] = True
        yield half.astype(np.float64)


def rows_to_tell(difference: float, error: float, rows: int) -> float:
    """Rows, in all, that tell a difference as large as this one apart from 0, at 5 %, 4 times in 5.

    A standard error falls with the root of the rows, as long as groups stay as large as they are;
    it must be (z(.975) + z(.8)) = 2.8 times smaller than the difference.
    """
    if difference == 0:
        return float("inf")
    least = norm.ppf(1 - _LEVEL / 2) + norm.ppf(_POWER)
    return float(rows * (least * error / difference) ** 2)


def _shares(sums: Floats) -> Floats:
    """All columns over the last, NaN where that is 0; sums (b, s + 1) -> (b, s)."""
    mass = sums[:, -1:]
    return np.asarray(sums[:, :-1] / np.where(mass > _ROUNDING * mass.max(), mass, np.nan))


def _of_own_label(y: Floats) -> Floats:
    """One over the number of rows with the same label, (n,)."""
    fakes = y.sum()
    return np.where(y == 1, 1 / fakes, 1 / (len(y) - fakes))


def _error_of_areas(y: Floats, p: Floats, q: Floats, codes: Codes) -> float:
    """Standard error of a difference of AUCs over groups: of the sums of their placements."""
    won = AucRows(y, p).placements() - AucRows(y, q).placements()
    weight = _of_own_label(y)
    moved = weight * (won - (weight * won).sum() / 2)
    return _error(group_sums(moved[:, None], codes, int(codes.max()) + 1)[:, 0], 1.0)


def _error(residuals: Floats, mass: float) -> float:
    """Standard error of a mean from its residuals summed by group; infinite with one group."""
    n_groups = len(residuals)
    if n_groups < 2:
        return float("inf")
    return float(np.sqrt(n_groups / (n_groups - 1) * (residuals**2).sum()) / mass)
