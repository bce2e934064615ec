"""Many comparisons at once: p-values that allow for their number, and which columns may be the
best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist, squareform

from calibration.inputs import Floats
from calibration.measures.bootstrap import group_sums, units_of
from calibration.measures.paired import N_DRAWS, halves
from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.order import row_order

#: Sums that are held, of all columns under all patterns of signs, and the fewest patterns.
_DRAWN_VALUES, _LEAST_DRAWS = 1_000_000, 1000

#: Pairs that are drawn at once: few enough to stay near the processor.
_BLOCK = 64

#: Of the largest sum: what is smaller than that is rounding.
_ROUNDING = 1e-12


def holm(p_values: ArrayLike) -> Floats:
    """P-values that allow for how many there are (Holm 1979), (m,) in the order they came.

    Refusing those at or below 5 % errs anywhere among them in 5 % of cases at the most, however
    they depend on each other. NaN stays, and does not count.

    Raises:
        InputError: one is outside [0, 1].

    Examples:
        >>> from calibration import holm
        >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise InputError("p-values lie in [0, 1]", expected="one column of them")
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    times = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * times), 1.0)
    return corrected


@dataclass(frozen=True)
class ConfidenceSet:
    """Which of s columns may be the best: the model confidence set.

    Attributes:
        members: (s,) those that cannot be told from the best.
        p_values: (s,) of being as good as the best; a member's is above alpha.

    Examples:
        >>> from calibration import confidence_set
        >>> losses = [[0.1, 0.2, 0.9], [0.3, 0.2, 0.8], [0.2, 0.3, 0.7], [0.3, 0.1, 0.9]] * 3
        >>> confidence_set(losses).members.tolist()
        [True, True, False]
    """

    members: NDArray[np.bool_]
    p_values: Floats


def confidence_set(
    losses: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
    n_draws: int | None = None,
    seed: int = 0,
) -> ConfidenceSet:
    """The columns that cannot be told from the best (Hansen, Lunde and Nason 2011).

    As long as any two columns are shown to differ, the one that is furthest behind another, in
    standard errors, goes (T_R); a column's p-value is the largest of any step until then. The best
    of all columns is in the set in 1 - alpha of cases, however many there are.

    In place of blocks of time whole groups are drawn, by the same random signs as in
    `paired_difference`: of two columns the p-value is that of their paired difference.

    Args:
        losses: (n, s) of each row by each column: log losses, squared errors.
        groups: (n,) what stays together, each row alone if not given.
        alpha: share of cases in which the best may be missed.
        n_draws: sign patterns, all there are of few groups; if not given 10,000, of over 100
            columns fewer, and 1,000 at the least. seed: of the draws.

    Raises:
        InputError: losses that are missing, or no table of rows and columns.

    Examples:
        >>> import numpy as np
        >>> from calibration import confidence_set
        >>> noise = np.random.default_rng(0).normal(0, 0.1, (60, 3))
        >>> found = confidence_set(noise + [0.3, 0.3, 0.5], np.arange(60) // 2)
        >>> found.members.tolist()
        [True, True, False]
    """
    rows = np.asarray(losses, dtype=np.float64)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise InputError(
            f"the losses have the shape {rows.shape}, or are not all finite",
            expected="a row a video and a column a model, none missing",
        )
    codes = group_codes(groups, len(rows), sort=True)
    if groups is not None:
        order = row_order(codes, rows)
        rows, codes = rows[order], codes[order]
    sums = group_sums(rows, codes, int(codes.max()) + 1)
    return confidence_set_of(sums, alpha=alpha, n_draws=n_draws, seed=seed)


def confidence_set_of(
    sums: Floats, *, alpha: float = 0.05, n_draws: int | None = None, seed: int = 0
) -> ConfidenceSet:
    """`confidence_set` from losses summed by group, (groups, s)."""
    draws = n_draws or max(min(N_DRAWS, _DRAWN_VALUES // sums.shape[1]), _LEAST_DRAWS)
    units, n_units = units_of(np.arange(len(sums)), seed)
    left = group_sums(sums - sums.mean(axis=1, keepdims=True), units, n_units).T
    # Sums under each pattern of signs, of which the first is as they came: (s, draws).
    drawn = np.concatenate(
        [left @ (2 * half - 1).T for half in halves(n_units, draws, seed)], axis=1
    )
    errors = squareform(pdist(left))
    # Columns that are the same in all groups are never behind each other.
    errors[errors <= _ROUNDING * max(float(np.abs(left).max()), 1e-300)] = np.inf
    going, most, best = _order_of_going((drawn[:, :1] - drawn[:, 0]) / errors)
    back = [best, *going[::-1]]
    drawn, errors = drawn[back], errors[np.ix_(back, back)]
    p_values = np.ones(len(left))
    largest = np.zeros(drawn.shape[1])
    # From the last pair to the first, each column that comes back brings its pairs with it.
    for n, behind in enumerate(most[::-1], start=1):
        for first in range(0, n, _BLOCK):
            rows = slice(first, min(first + _BLOCK, n))
            moved = drawn[rows] - drawn[n]
            moved /= errors[rows, n, None]
            np.abs(moved, out=moved)
            np.maximum(largest, moved.max(axis=0), out=largest)
        p_values[back[n]] = (largest >= behind * (1 - _ROUNDING)).mean()
    p_values[going] = np.maximum.accumulate(p_values[going])
    return ConfidenceSet(members=p_values > alpha, p_values=p_values)


def _order_of_going(behind: Floats) -> tuple[list[int], list[float], int]:
    """Which columns go one after the other, how far each was behind another then, and who stays.

    `behind`: (s, s) how far the row's column is behind the other, in standard errors.
    """
    first, second = np.unravel_index(np.argsort(-behind, axis=None, kind="stable"), behind.shape)
    there = np.ones(len(behind), dtype=bool)
    going: list[int] = []
    most: list[float] = []
    for i, j in zip(first.tolist(), second.tolist(), strict=True):
        # Behind no other is 0: what is left is as good as each other.
        if i != j and there[i] and there[j] and len(going) < len(behind) - 1:
            there[i] = False
            going.append(i)
            most.append(max(float(behind[i, j]), 0.0))
    return going, most, int(np.flatnonzero(there)[0])
