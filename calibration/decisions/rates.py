"""Shares of rows, such as error rates, with intervals for few groups and for no events too."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta
from scipy.stats import t as student

from calibration.inputs import Floats
from calibration.measures.bootstrap import Interval
from predictions.errors import InputError
from predictions.groups import group_codes


def rate_interval(
    events: ArrayLike, groups: ArrayLike | None = None, *, level: float = 0.95
) -> Interval:
    """The share of events with the interval of Korn and Graubard (1998): Clopper-Pearson on groups.

    Clopper and Pearson's exact interval of a binomial share, with as many trials as the groups are
    worth: n over the design effect (Kish 1965), made fewer by the t quantile of the groups' degrees
    of freedom. Without any event (or with nothing else) the groups themselves are the trials. A
    bootstrap would say [0, 0] there.

    Args:
        events: (n,) whether it happened in each row.
        groups: (n,) what is drawn as a whole; each row alone if not given.
        level: of the interval.

    Returns:
        The share with its two ends; NaN without rows.

    Examples:
        >>> from calibration import rate_interval
        >>> none_of_59 = rate_interval([False] * 59)
        >>> round(none_of_59.high, 3)
        0.061
    """
    happened = np.asarray(events, dtype=np.float64)
    if happened.ndim != 1:
        raise InputError(
            f"the events have the shape {happened.shape}", expected="one column of rows"
        )
    if not len(happened):
        return Interval(float("nan"), float("nan"), float("nan"))
    share = float(happened.mean())
    trials = effective_trials(happened, group_codes(groups, len(happened)), level)
    low, high = clopper_pearson(share * trials, trials, level)
    return Interval(share, min(low, share), max(high, share))


def effective_trials(happened: Floats, codes: ArrayLike, level: float) -> float:
    """How many independent trials the rows are worth.

    Args:
        happened: (n,) 1.0 where it happened, else 0.0.
        codes: (n,) the group of each row, 0..n_groups-1.
    """
    n, share = len(happened), float(happened.mean())
    sizes = np.bincount(codes)
    sizes = sizes[sizes > 0]
    n_groups = len(sizes)
    if n_groups == n:
        return float(n)
    if n_groups == 1:
        return 1.0
    residuals = np.bincount(codes, weights=happened - share)
    variance = n_groups / (n_groups - 1) * float((residuals**2).sum()) / n**2
    if variance == 0 or share in (0.0, 1.0):
        # Nothing tells how alike the rows of a group are: then they are one trial.
        return float(n_groups)
    tail = (1 + level) / 2
    quantiles = student.ppf(tail, n - 1) / student.ppf(tail, n_groups - 1)
    return float(min(share * (1 - share) / variance * quantiles**2, n))


def clopper_pearson(events: float, trials: float, level: float = 0.95) -> tuple[float, float]:
    """The two ends of the exact interval of a binomial share (Clopper and Pearson 1934).

    Args:
        events, trials: need not be whole.
        level: of the interval; each end errs by (1 - level) / 2 at the most.

    Examples:
        >>> from calibration.decisions.rates import clopper_pearson
        >>> [round(end, 4) for end in clopper_pearson(4, 20)]
        [0.0573, 0.4366]
    """
    tail = (1 - level) / 2
    low = beta.ppf(tail, events, trials - events + 1) if events > 0 else 0.0
    high = beta.ppf(1 - tail, events + 1, trials - events) if events < trials else 1.0
    return float(low), float(high)
