"""Shares of rows, such as error rates, with intervals for few groups and for no events too."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit
from scipy.stats import beta

from calibration.inputs import Floats
from calibration.measures.bootstrap import Interval
from calibration.measures.few_groups import degrees_of_freedom
from predictions.errors import InputError
from predictions.groups import group_codes

#: Groups with an event, and without, at which the estimated design effect counts for half.
_TELLING = 20.0


def rate_interval(
    events: ArrayLike, groups: ArrayLike | None = None, *, level: float = 0.95
) -> Interval:
    """The share of events with the interval of Korn and Graubard (1998): Clopper-Pearson on groups.

    Clopper and Pearson's exact interval of a binomial share, with as many trials as the groups are
    worth (`effective_trials`). Without any event a bootstrap would say [0, 0]; here the rows of a
    group then count as one.

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

    n over the estimated design effect (Kish 1965), less for few and uneven groups, as far as that
    can be estimated: by groups with an event and groups with none of them. Where these are few, as
    alike as can be counts for more: then (sum n_g)^2 / sum n_g^2 trials are left.

    Args:
        happened: (n,) 1.0 where it happened, else 0.0.
        codes: (n,) the group of each row, 0..n_groups-1.
    """
    n, share = len(happened), float(happened.mean())
    sizes = np.bincount(codes).astype(np.float64)
    used = sizes > 0
    n_groups = int(used.sum())
    if n_groups == n:
        return float(n)
    alike = float(n**2 / (sizes**2).sum())
    events = np.bincount(codes, weights=happened)
    telling = min(int((events > 0).sum()), int((events < sizes).sum()))
    if telling == 0 or n_groups == 1:
        return alike
    residuals = np.bincount(codes, weights=happened - share)
    variance = n_groups / (n_groups - 1) * float((residuals**2).sum()) / n**2
    freedom = degrees_of_freedom(sizes)
    tail = (1 + level) / 2
    quantiles = float(ndtri(tail) / stdtrit(freedom, tail))
    estimated = n if variance == 0 else share * (1 - share) / variance
    estimated = min(estimated, n) * quantiles**2
    weight = telling / (telling + _TELLING)
    # Variances are joined, not trials: what is seen is as good as one of the two or between them.
    return float(min(1 / (weight / estimated + (1 - weight) / alike), n))


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
