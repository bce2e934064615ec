"""Intervals by resampling whole groups, done with weights instead of copied rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.inputs import Codes, Floats, check_weight
from calibration.measures.few_groups import NO_WIDENING, Bounds, Widening, widening_of
from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.order import row_order

#: Numbers held at once by a block of replicates (32 MiB of float64).
_BLOCK_VALUES = 4_194_304

#: Units that are drawn at the most: more groups than this are joined into so many blocks.
MOST_UNITS = 2000


@dataclass(frozen=True)
class Interval:
    """A value and the two ends of its interval; NaN where there is none, as of a single group.

    Examples:
        >>> from calibration import Interval
        >>> Interval(0.34, 0.32, 0.36).as_dict()
        {'value': 0.34, 'low': 0.32, 'high': 0.36}
    """

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """{"value", "low", "high"}, as metrics.json has them."""
        return {"value": self.value, "low": self.low, "high": self.high}


def units_of(codes: Codes, seed: int = 0) -> tuple[Codes, int]:
    """What a bootstrap draws as a whole, a code a row (n,), and how many of them there are.

    The groups themselves up to MOST_UNITS; more are joined by chance into MOST_UNITS blocks of
    equally many. Groups are independent, so the blocks' sums vary as those of the groups do and
    the intervals are as wide on average (the random groups of Wolter 2007): 2,000 blocks tell a
    standard error to 1.6 % (1 / sqrt(2 units)), while 1,000 replicates tell an interval's width
    to 3 %.

    Args:
        codes: the group of each row, 0..n_groups-1.
        seed: of the blocks.
    """
    n_groups = int(codes.max()) + 1
    if n_groups <= MOST_UNITS:
        return codes, n_groups
    # A stream of its own: the draws begin at the seed itself.
    order = np.random.default_rng((seed, n_groups)).permutation(n_groups)
    block = np.empty(n_groups, dtype=np.intp)
    block[order] = np.arange(n_groups) % MOST_UNITS
    return block[codes], MOST_UNITS


def group_weights(
    n_groups: int, n_boot: int = 1000, seed: int = 0, *, width: int | None = None
) -> Iterator[Floats]:
    """How often each group is drawn in each replicate: blocks of shape (b, n_groups).

    Each replicate draws n_groups groups with replacement; the same seed gives the same draws,
    so that measures of several columns, taken one after the other, are paired.

    Args:
        width: numbers the caller will hold a replicate (its rows), to size the blocks; the draws
            do not depend on it.
    """
    rng = np.random.default_rng(seed)
    size = max(1, _BLOCK_VALUES // max(n_groups, width or 1))
    for first in range(0, n_boot, size):
        b = min(size, n_boot - first)
        drawn = rng.integers(n_groups, size=(b, n_groups))
        drawn += np.arange(b)[:, None] * n_groups
        counts = np.bincount(drawn.ravel(), minlength=b * n_groups)
        yield counts.reshape(b, n_groups).astype(np.float64)


def unless_single(found: Interval, n_units: int) -> Interval:
    """The interval without ends where there was one unit to draw: it tells of no other."""
    return found if n_units > 1 else Interval(found.value, float("nan"), float("nan"))


def percentile_interval(
    value: float,
    replicates: Floats,
    level: float = 0.95,
    *,
    widening: Widening = NO_WIDENING,
    bounds: Bounds = None,
) -> Interval:
    """The central `level` of the replicates, (n_boot,), widened; NaN replicates are left out.

    The interval always holds the value itself; without a replicate it is nothing else.

    Args:
        widening: of `few_groups.widening_of`, how much further out the ends belong.
        bounds: of the measure, which no end passes.
    """
    known = replicates[np.isfinite(replicates)]
    if known.size == 0 or not np.isfinite(value):
        return Interval(value, value, value)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    low, high = widening.widen(value, min(float(low), value), max(float(high), value), bounds)
    return Interval(value, min(low, value), max(high, value))


def centred_interval(
    value: float, replicates: Floats, level: float = 0.95, *, widening: Widening = NO_WIDENING
) -> Interval:
    """The interval of a measure that resampling itself pushes up, such as a calibration error.

    The replicates are moved so that their mean is the value, and never below 0.
    """
    known = replicates[np.isfinite(replicates)]
    if known.size == 0:
        return Interval(value, value, value)
    centred = known + (value - known.mean())
    moved = percentile_interval(value, centred, level, widening=widening)
    return Interval(value, max(moved.low, 0.0), moved.high)


def group_sums(rows: Floats, codes: Codes, n_groups: int) -> Floats:
    """Sums over each group: rows (n, k) -> (n_groups, k)."""
    return np.column_stack(
        [np.bincount(codes, weights=column, minlength=n_groups) for column in rows.T]
    )


def mean_interval(
    values: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    bounds: Bounds = None,
    said: ArrayLike | None = None,
) -> Interval:
    """Group-bootstrap interval of a weighted mean of per-row values, (n,), such as row losses.

    Of differences of two columns' losses it is paired: below 0 throughout says the first is better.
    Of many groups, blocks are drawn (`units_of`). With few groups, or few that hold most rows, the
    ends lie beyond the percentiles (`few_groups`). Of a single one there is no interval: NaN.

    Args:
        bounds: that no end passes, such as `few_groups.LOG_LOSS`; None of a difference.
        said: of each row, the variance that its value has by the answer's own account, (n,), such
            as `scores.said_variance` of a loss.

    Examples:
        >>> from calibration import mean_interval
        >>> loss, actor = [0.1, 0.2, 0.9, 0.3], ["ann", "ann", "bob", "cem"]
        >>> interval = mean_interval(loss, actor)
        >>> round(interval.value, 3), interval.low < interval.value < interval.high
        (0.375, True)
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 1 or rows.size == 0:
        raise InputError(f"the values have the shape {rows.shape}", expected="one column of rows")
    own = check_weight(weights, len(rows))
    of_answers = np.zeros(len(rows)) if said is None else np.asarray(said, dtype=np.float64)
    codes = group_codes(groups, len(rows), sort=True)
    if groups is not None:
        order = row_order(codes, rows, own)
        rows, own, codes, of_answers = rows[order], own[order], codes[order], of_answers[order]
    columns = np.column_stack([own * rows, own, own**2 * of_answers])
    sums = group_sums(columns, codes, int(codes.max()) + 1)
    return mean_intervals(
        *(sums[:, :1], sums[:, 1]),
        n_boot=n_boot,
        seed=seed,
        level=level,
        bounds=bounds,
        said=sums[:, 2:],
    )[0]


def mean_intervals(
    sums: Floats,
    mass: Floats,
    *,
    n_boot: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    bounds: Bounds = None,
    said: Floats | None = None,
) -> list[Interval]:
    """Means of s columns of per-row values with their intervals, from sums over groups alone.

    Args:
        sums: values times weights, summed over each group, (n_groups, s).
        mass: weights summed over each group, (n_groups,); rows where all weights are 1.
        bounds: as `mean_interval`.
        said: as there, times the squared weights, summed over each group, (n_groups, s).
    """
    units, n_units = units_of(np.arange(len(mass)), seed)
    columns = np.column_stack([sums, np.zeros_like(sums) if said is None else said, mass])
    of_units = group_sums(columns, units, n_units)
    both = np.delete(of_units, np.s_[sums.shape[1] : -1], axis=1)
    total = np.concatenate([drawn @ both for drawn in group_weights(n_units, n_boot, seed)])
    share = np.where(total[:, -1:] > 0, total[:, -1:], np.nan)
    values = sums.sum(axis=0) / mass.sum()
    deviations = both[:, :-1] - both[:, -1:] * values
    return [
        unless_single(
            percentile_interval(
                *(float(value), column, level),
                widening=widening_of(both[:, -1], level, deviations=apart, said=by_answers),
                bounds=bounds,
            ),
            n_units,
        )
        for value, column, apart, by_answers in zip(
            *(values, (total[:, :-1] / share).T, deviations.T),
            of_units[:, sums.shape[1] : -1].T,
            strict=True,
        )
    ]


def standard_error(
    values: ArrayLike, groups: ArrayLike | None = None, *, weights: ArrayLike | None = None
) -> float:
    """Standard error of a weighted mean of per-row values (n,), over groups, without resampling.

    The linearised ratio estimator with its factor g / (g - 1): what the group bootstrap comes to
    with many replicates. Infinite with a single group.

    Examples:
        >>> from calibration import standard_error
        >>> loss, actor = [0.1, 0.2, 0.9, 0.3], ["ann", "ann", "bob", "cem"]
        >>> round(standard_error(loss, actor), 3)
        0.213
    """
    rows = np.asarray(values, dtype=np.float64)
    own = check_weight(weights, len(rows))
    codes = group_codes(groups, len(rows))
    n_groups = int(codes.max()) + 1
    if n_groups < 2:
        return float("inf")
    mean = float(np.average(rows, weights=own))
    sums = np.bincount(codes, weights=own * (rows - mean), minlength=n_groups)
    return float(np.sqrt(n_groups / (n_groups - 1) * (sums**2).sum()) / own.sum())
