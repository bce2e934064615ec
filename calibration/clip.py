"""Bounds beyond which no probability goes: the exact optimum for log loss, shrunk.

Log loss punishes one confident mistake more than it rewards a hundred confident hits, so bounds
pay whenever the tails are less sure than they say. With p sorted, the rows above a bound h are
the first k; their loss at h depends only on k and on how many of them are FAKE, so one sort and
cumulative sums give the loss at the best h for every k, and the least of those is the optimum.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration.inputs import Floats, check_scored
from calibration.measures.scores import EPS, row_log_loss
from predictions.errors import InputError
from predictions.groups import group_codes

#: How far apart the two bounds are kept where both want to be the same constant.
_GAP = 1e-6


def optimal_clip(
    probability: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    shrink: float = 1.0,
) -> tuple[float, float]:
    """The bounds (low, high) with the least log loss of clip(p, low, high), 0 < low < high < 1.

    At the optimum, high is the mean label of the rows with p > high, and alike below. So that no
    bound rests on a handful of rows, `shrink` imaginary rows of each label are put beyond each
    end: high = (k + shrink) / (n + 2 shrink) where k of the n rows above it are FAKE. With the
    default of 1 this is the rule of succession, and 1,000 rows without a mistake are called
    .999 and not more.

    Args:
        probability: of FAKE, (n,).
        y: labels, (n,), 1 = FAKE.
        sample_weight: (n,); a weight of 2 is the row given twice.
        groups: (n,); rows of a group tell less than as many rows apart, so that `shrink` is
            multiplied with the mean number of rows a group.
        shrink: imaginary rows of each label beyond each end, over 0.

    Raises:
        InputError: labels, probabilities or weights that cannot be used; shrink not over 0.

    Examples:
        >>> from calibration import optimal_clip
        >>> p, y = [0.999] * 100 + [0.001] * 100, [1] * 99 + [0] + [0] * 100
        >>> low, high = optimal_clip(p, y)
        >>> round(low, 4), round(high, 4)
        (0.0098, 0.9804)
    """
    labels, p, weight = check_scored(y, probability, sample_weight)
    if not (np.isfinite(shrink) and shrink > 0):
        raise InputError(f"shrink is {shrink}", remedy="give a number of rows over 0, such as 1")
    rows = float(shrink)
    if groups is not None:
        codes = group_codes(groups, len(labels))[weight > 0]
        rows *= float(weight.sum()) / len(np.unique(codes))
    mean = (float(weight @ labels) + rows) / (float(weight.sum()) + 2 * rows)
    order = np.argsort(p)
    labels, p, weight = labels[order], p[order], weight[order]
    losses = weight * row_log_loss(labels, p)
    # Rows on a bound's other side of the mean are never beyond it.
    above, below = slice(np.searchsorted(p, mean), None), slice(np.searchsorted(p, mean, "right"))
    q, t, w, cost = (values[above][::-1] for values in (p, labels, weight, losses))
    high = _upper_bound(q, t, w, cost, rows, mean)
    q, t, w, cost = (values[below] for values in (p, labels, weight, losses))
    low = 1 - _upper_bound(1 - q, 1 - t, w, cost, rows, 1 - mean)
    if high - low < _GAP:
        # Scores no better than their mean: both bounds close in on it.
        low, high = mean - _GAP / 2, mean + _GAP / 2
        low, high = max(low, mean / 2), min(high, (1 + mean) / 2)
    return low, high


def _upper_bound(
    p: Floats, y: Floats, w: Floats, losses: Floats, rows: float, least: float
) -> float:
    """The upper bound in [least, 1) of least loss, the imaginary rows at 1 included.

    p, y, w, losses: of the rows that it may concern, those at or above `least`, falling; what each
    costs without a bound.
    """
    fakes = rows + np.concatenate([[0.0], np.cumsum(w * y)])
    reals = rows + np.concatenate([[0.0], np.cumsum(w * (1 - y))])
    # With the first k rows above it, h lies between the k-th p and the one after it.
    ceiling = np.concatenate([[1.0], p])
    floor = np.concatenate([p, [0.0]])
    h = np.clip(fakes / (fakes + reals), np.maximum(floor, least), np.maximum(ceiling, least))
    h = np.minimum(h, 1 - EPS)
    below = np.concatenate([np.cumsum(losses[::-1])[::-1], [0.0]])
    loss = below - fakes * np.log(h) - reals * np.log1p(-h)
    return float(h[np.argmin(loss)])


def clip_curve(
    probability: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    n_points: int = 200,
) -> pd.DataFrame:
    """Log loss against the bound, for the plot: how much clipping gains or costs.

    Returns:
        One row a margin m from 1e-6 to 0.5 (log-spaced), columns `margin`, `upper` (log loss of
        min(p, 1 - m)), `lower` (of max(p, m)), `both` (of the two together) and `none` (without
        a bound). All in nats, without imaginary rows.

    Examples:
        >>> from calibration import clip_curve
        >>> curve = clip_curve([0.999, 0.001, 0.999], [1, 0, 0])
        >>> bool(curve["both"].min() < curve["none"].iloc[0])
        True
    """
    labels, p, weight = check_scored(y, probability, sample_weight)
    margin = np.geomspace(1e-6, 0.5, n_points)
    none = float(np.average(row_log_loss(labels, p), weights=weight))
    upper = _losses_above(p, labels, weight, 1 - margin)
    lower = _losses_above(1 - p, 1 - labels, weight, 1 - margin)
    return pd.DataFrame(
        {
            "margin": margin,
            "upper": none + upper,
            "lower": none + lower,
            "both": none + upper + lower,
            "none": none,
        }
    )


def _losses_above(p: Floats, y: Floats, w: Floats, bounds: Floats) -> Floats:
    """What bounding p from above at each bound adds to the mean log loss, (n_bounds,)."""
    order = np.argsort(p, kind="stable")
    p, y, w = p[order], y[order], w[order]

    def tail(values: Floats) -> Floats:
        return np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])

    first = np.searchsorted(p, bounds, side="right")
    fakes, reals = tail(w * y)[first], tail(w * (1 - y))[first]
    before = tail(w * row_log_loss(y, p))[first]
    return np.asarray((-fakes * np.log(bounds) - reals * np.log1p(-bounds) - before) / w.sum())


def check_bounds(bounds: Any) -> tuple[float, float]:
    """Given bounds as two floats.

    Raises:
        InputError: not two numbers with 0 < low < high < 1.

    Examples:
        >>> from calibration import check_bounds
        >>> check_bounds((0.01, 0.99))
        (0.01, 0.99)
    """
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        raise InputError(
            f"clip bounds are {bounds!r}", remedy="give two numbers, LOW,HIGH"
        ) from None
    if not 0 < low < high < 1:
        raise InputError(f"clip bounds are {low}, {high}", expected="0 < LOW < HIGH < 1")
    return low, high
