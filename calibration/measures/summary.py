"""All measures of one column of probabilities at once, each with its group-bootstrap interval."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from calibration.inputs import Codes, Floats, check_judged
from calibration.measures.bootstrap import (
    Interval,
    centred_interval,
    group_sums,
    group_weights,
    percentile_interval,
    units_of,
    unless_single,
)
from calibration.measures.decomposition import decompose
from calibration.measures.ece import BinSums
from calibration.measures.few_groups import LOG_LOSS, SHARE, Bounds, Widening, widening_of
from calibration.measures.line import LineRows
from calibration.measures.scores import (
    AucRows,
    auc,
    row_log_loss,
    said_variance,
)
from calibration.measures.smooth import smooth_ece, spread_on_grid, widths_of

#: Numbers held a replicate: of the units, or of the grid of the smooth calibration error.
_WIDEST = 2048


def measure_all(
    y: ArrayLike,
    p: ArrayLike,
    groups: ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """The measures of metrics.json, each {"value", "low", "high"} with a 95 % interval.

    Args:
        y: labels, (n,), 1 = FAKE.
        p: probabilities of FAKE, (n,).
        groups: what is resampled as a whole, (n,); each row alone if not given.
        n_boot: replicates.
        seed: of the draws; two columns measured with the same groups and seed are paired.

    Up to 2,000 groups are drawn themselves; more, such as the rows of a large table without
    groups, are joined by chance into 2,000 blocks that are drawn (`bootstrap.units_of`), and the
    AUC of a replicate is taken from how its placements move (`AucRows.placements`), which many rows
    come to. The time then hardly depends on the number of groups. With few groups, or few that hold
    most rows, the ends lie beyond the percentiles (`few_groups`).

    Returns:
        "log_loss" (nats, p kept 1e-15 from 0 and 1), "brier", "auc" (NaN with one class),
        "accuracy" (FAKE where p > 0.5), "ece" (15 bins of equal mass, debiased) and "ece_plain"
        (15 bins of equal width, not debiased: the literature's, Naeini et al. 2015 and Guo et al.
        2017). The replicates of the last two are centred on the value, as resampling adds to a
        calibration error. With one group there are no intervals, and their ends are NaN.

    Examples:
        >>> from calibration import measure_all
        >>> measures = measure_all([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65])
        >>> round(measures["log_loss"]["value"], 4)
        0.2162
    """
    labels, probability, codes = check_judged(y, p, groups)
    return {
        name: interval.as_dict()
        for name, interval in _core_intervals(labels, probability, codes, n_boot, seed).items()
    }


def _core_intervals(
    y: Floats, p: Floats, codes: Codes, n_boot: int, seed: int
) -> dict[str, Interval]:
    units, n_units = units_of(codes, seed)
    # Means and bin sums are linear in the weights: one matrix product gives all replicates.
    means = np.column_stack([row_log_loss(y, p), (p - y) ** 2, (p > 0.5) == (y == 1)])
    sums = group_sums(np.column_stack([means, np.ones_like(y)]), units, n_units)
    spread = p * (1 - p)
    by_answers = np.column_stack([said_variance(means[:, 0]), spread * (1 - 2 * p) ** 2, spread])
    said = group_sums(by_answers, units, n_units)
    mass, wide = (BinSums(y, p, units, n_units, binning) for binning in ("mass", "width"))
    areas_of, width = _areas(y, p, units, n_units, joined=units is not codes)
    replicates, errors, plain, areas = [], [], [], []
    for drawn in group_weights(n_units, n_boot, seed, width=width):
        total = drawn @ sums
        replicates.append(total[:, :3] / total[:, 3:])
        errors.append(mass.ece(drawn))
        plain.append(wide.ece(drawn, debias=False))
        areas.append(areas_of(drawn))
    once = np.ones((1, n_units))
    means_of = np.concatenate(replicates)
    values = means.mean(axis=0)
    rows = sums[:, 3]
    few = widening_of(rows)
    error = partial(centred_interval, widening=few)

    def mean(i: int, bounds: Bounds = SHARE) -> Interval:
        deviations = sums[:, i] - rows * values[i]
        own = widening_of(rows, deviations=deviations, said=said[:, i])
        return percentile_interval(float(values[i]), means_of[:, i], widening=own, bounds=bounds)

    found = {
        "log_loss": mean(0, LOG_LOSS),
        "brier": mean(1),
        "auc": percentile_interval(
            *(auc(y, p), np.concatenate(areas)),
            widening=_widening_of_area(y, p, units, rows),
            bounds=SHARE,
        ),
        "accuracy": mean(2),
        "ece": error(float(mass.ece(once)[0]), np.concatenate(errors)),
        "ece_plain": error(float(wide.ece(once, debias=False)[0]), np.concatenate(plain)),
    }
    return {name: unless_single(one, n_units) for name, one in found.items()}


def _widening_of_area(y: Floats, p: Floats, units: Codes, rows: Floats) -> Widening:
    """Of the AUC, which moves as the mean of its placements does (`AucRows.placements`).

    Were a row's label drawn from the answer, its part in that mean would be that of a fake or of a
    real with its score. `rows`: of each unit.
    """
    if y.min() == y.max():
        return widening_of(rows)
    parts = []
    # Looked for in their order, a million rows take a tenth of the time.
    order = np.argsort(p)
    sought = p[order]
    for own, others in ((1, 0), (0, 1)):
        ranked = np.sort(p[y == others])
        share = np.empty(len(p))
        below = np.searchsorted(ranked, sought, "left") + np.searchsorted(ranked, sought, "right")
        share[order] = below / (2 * len(ranked))
        won = share if own == 1 else 1 - share
        parts.append((won - won[y == own].mean()) * len(y) / (y == own).sum())
    of_fake, of_real = parts
    columns = [np.where(y == 1, of_fake, of_real), p * (1 - p) * (of_fake - of_real) ** 2]
    deviations, said = group_sums(np.column_stack(columns), units, len(rows)).T
    return widening_of(rows, deviations=deviations, said=said)


def _areas(
    y: Floats, p: Floats, units: Codes, n_units: int, *, joined: bool
) -> tuple[Callable[[Floats], Floats], int]:
    """What gives the AUC of each weighting of the units, (b, n_units) -> (b,), and the numbers
    it holds a replicate. `joined`: the units are many groups each."""
    ranks = AucRows(y, p)
    if not joined and n_units > len(y) // 4:
        return lambda drawn: ranks.of(drawn[:, units]), len(y)
    sides = group_sums(np.column_stack([y, 1 - y]), units, n_units)
    if joined and y.min() < y.max():
        whole, won = auc(y, p), ranks.placements()
        moved = group_sums(np.column_stack([y, 1 - y]) * (won - whole)[:, None], units, n_units)

        def near(drawn: Floats) -> Floats:
            rows = drawn @ sides
            share = np.where(rows > 0, rows, np.nan)
            return np.asarray(whole + (drawn @ moved / share).sum(axis=1))

        return near, n_units
    pairs_won = ranks.between(units, n_units)

    def areas(drawn: Floats) -> Floats:
        beaten = np.einsum("bg,bg->b", drawn @ pairs_won, drawn)
        pairs = (drawn @ sides).prod(axis=1)
        return np.divide(beaten, pairs, out=np.full(len(drawn), np.nan), where=pairs > 0)

    return areas, n_units


def measure_in_full(
    y: ArrayLike,
    p: ArrayLike,
    groups: ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
    *,
    threshold: float = 0.5,
) -> dict[str, dict[str, float]]:
    """Every measure there is, each {"value", "low", "high"} with a 95 % group-bootstrap interval.

    Those of measure_all, and "calibration", "refinement", "discrimination" (the parts of the log
    loss, cross-fitted, nats), "ece_width" (15 bins of equal width, debiased), "smooth_ece",
    "slope" and "intercept" (of the calibration line; each replicate is one Newton step from the
    fit, which is what it comes to with more than a few groups), "in_the_large", and the confusion
    matrix at `threshold` as shares of all rows: "true_fake", "false_fake", "true_real",
    "false_real".

    Args, bad input: as measure_all.

    Examples:
        >>> from calibration import measure_in_full
        >>> measures = measure_in_full([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65])
        >>> round(measures["true_fake"]["value"], 2), round(measures["log_loss"]["value"], 4)
        (0.5, 0.2162)
    """
    labels, probability, codes = check_judged(y, p, groups)
    weight = np.ones(len(labels))
    units, n_units = units_of(codes, seed)
    intervals = _core_intervals(labels, probability, codes, n_boot, seed)
    parts = decompose(labels, probability, codes, n_boot=n_boot, seed=seed)
    intervals["calibration"] = parts.calibration
    intervals["refinement"] = parts.refinement
    intervals["discrimination"] = parts.discrimination

    bins = BinSums(labels, probability, units, n_units, "width")
    spread = spread_on_grid(probability)
    residuals = csr_array(
        (labels - probability, (np.arange(len(labels)), units)), shape=(len(labels), n_units)
    )
    grid = spread @ residuals
    called = np.column_stack(
        [(probability > threshold) == fake for fake in (True, True, False, False)]
    )
    cells = called & np.column_stack([(labels == label) for label in (1, 0, 0, 1)])
    tables = group_sums(np.column_stack([cells, weight]).astype(np.float64), units, n_units)
    lines = [
        LineRows(labels, probability, units, n_units, slope_free) for slope_free in (True, False)
    ]
    errors, widths, shares, steps = [], [], [], []
    for drawn in group_weights(n_units, n_boot, seed, width=_WIDEST):
        total = drawn @ tables
        errors.append(bins.ece(drawn))
        widths.append(widths_of((grid @ drawn.T).T / total[:, 4:]))
        shares.append(total[:, :4] / total[:, 4:])
        steps.append(np.column_stack([line.step(drawn) for line in lines]))
    once = np.ones((1, n_units))
    few = widening_of(tables[:, 4])
    error = partial(centred_interval, widening=few)
    intervals["ece_width"] = error(float(bins.ece(once)[0]), np.concatenate(errors))
    intervals["smooth_ece"] = error(smooth_ece(labels, probability), np.concatenate(widths))
    slope, intercept = lines[0].coefficients
    for i, (name, value) in enumerate(
        [("intercept", intercept), ("slope", slope), ("in_the_large", lines[1].coefficients[1])]
    ):
        intervals[name] = percentile_interval(
            float(value), np.concatenate(steps)[:, i], widening=few
        )
    rows = tables[:, 4]
    spread = group_sums(called * (probability * (1 - probability))[:, None], units, n_units)
    for i, name in enumerate(("true_fake", "false_fake", "true_real", "false_real")):
        share = float(cells[:, i].mean())
        intervals[name] = percentile_interval(
            *(share, np.concatenate(shares)[:, i]),
            widening=widening_of(rows, deviations=tables[:, i] - rows * share, said=spread[:, i]),
            bounds=SHARE,
        )
    return {name: unless_single(one, n_units).as_dict() for name, one in intervals.items()}
