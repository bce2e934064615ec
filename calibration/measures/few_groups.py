"""What few and uneven groups do to an interval: its ends go further out, within the bounds.

The percentiles of a group bootstrap are too narrow with few groups, and more so where some groups
hold most of the rows: they know the spread of the groups drawn, not how badly so few tell it. How
much further out the ends belong is known of a mean: Student's quantile with as many degrees of
freedom as the groups' sizes leave, and the bias of the variance (Bell and McCaffrey 2002).
"""

from typing import Final

import numpy as np
from scipy.special import expit, ndtri, stdtrit

from calibration.inputs import Floats
from calibration.measures.scores import EPS

#: The two bounds of a measure; None where it has none, as of a difference.
Bounds = tuple[float, float] | None

SHARE: Final = (0.0, 1.0)

#: Of a log loss, whose probabilities are kept EPS from 0 and 1.
LOG_LOSS: Final = (0.0, float(-np.log(EPS)))


def degrees_of_freedom(mass: Floats) -> float:
    """How many degrees of freedom the variance of a mean has over groups, 1 to groups - 1.

    Satterthwaite's approximation for independent rows of one variance (Bell and McCaffrey 2002;
    Imbens and Kolesar 2016): with w the groups' shares of the rows,
    (1 - sum w^2)^2 / (sum w^2 (1 - w)^2 + sum over pairs of groups w^2 w'^2). Of g equal groups it
    is g - 1.

    Args:
        mass: rows, or sums of weights, of each group, (n_groups,); two or more above 0.
    """
    share = mass[mass > 0] / mass.sum()
    square = share**2
    apart = float(square @ (1 - share) ** 2 + square.sum() ** 2 - (square**2).sum())
    freedom = float(share @ (1 - share)) ** 2 / apart if apart > 0 else 1.0
    return min(max(freedom, 1.0), len(share) - 1.0)


def stretch(mass: Floats, level: float = 0.95) -> float:
    """How many times as far from the value the ends of a percentile interval belong, 1 or more.

    t / z / sqrt(1 - sum w^2): Student's quantile in place of the normal one, and the groups'
    own part in the mean that their spread is taken from. 1.04 with 50 equal groups, 1.58 with 5.

    Args:
        mass: rows, or sums of weights, of each group, (n_groups,).
        level: of the interval.

    Returns:
        1 where fewer than two groups have rows.
    """
    if np.count_nonzero(mass) < 2:
        return 1.0
    tail = (1 + level) / 2
    share = mass / mass.sum()
    left = max(float(share @ (1 - share)), np.finfo(np.float64).tiny)
    quantile = float(stdtrit(degrees_of_freedom(mass), tail))
    return max(quantile / float(ndtri(tail)) / left**0.5, 1.0)


def stretched(value: float, end: float, factor: float, bounds: Bounds = None) -> float:
    """An end of an interval, `factor` times as far from its value, inside the bounds.

    The distance is that of logits between the bounds, so that no loss falls below 0 and no share
    leaves [0, 1]. A value on a bound keeps its end: it knows no distance there.
    """
    if bounds is None:
        return value + factor * (end - value)
    low, high = bounds
    if not low < value < high or not low < end < high:
        return end
    here, there = (np.log(x - low) - np.log(high - x) for x in (value, end))
    return low + (high - low) * float(expit(here + factor * (there - here)))
