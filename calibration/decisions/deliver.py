"""What a rule delivers on rows that had no say in choosing it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.decisions.aim import Aim
from calibration.decisions.choose import choose_rule
from calibration.decisions.rates import rate_interval
from calibration.decisions.rule import FAKE, REAL, UNDECIDED, DecisionRule
from calibration.inputs import Codes, Floats, check_judged
from calibration.measures.bootstrap import Interval, mean_interval
from predictions.errors import InputError


@dataclass(frozen=True)
class Delivered:
    """What was called, and how much of it wrong, with 95 % intervals over groups.

    Attributes:
        false_alarms: share of the real videos that were called FAKE.
        misses: share of the fakes that were called REAL.
        errors: share of those called anything that were called wrong.
        undecided: share of all videos.
        cost: a video, by the costs of the aim; None where it has none.
        counts: "FAKE called FAKE", "FAKE called REAL", ... -> videos.

    Examples:
        >>> from calibration import Aim, cross_decide
        >>> y, p, fold = [0, 1, 0, 1], [0.1, 0.9, 0.7, 0.8], [0, 0, 1, 1]
        >>> cross_decide(Aim(), y, p, None, fold).delivered.counts["REAL called FAKE"]
        1
    """

    false_alarms: Interval
    misses: Interval
    errors: Interval
    undecided: Interval
    cost: Interval | None
    counts: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The attributes as JSON values: None where nothing was called, or of one group."""
        rates = ("false_alarms", "misses", "errors", "undecided")
        intervals = {name: _plain(getattr(self, name)) for name in rates}
        cost = None if self.cost is None else _plain(self.cost)
        return {**intervals, "cost": cost, "counts": dict(self.counts)}


def _plain(interval: Interval) -> dict[str, float | None]:
    return {
        name: None if math.isnan(value) else value for name, value in interval.as_dict().items()
    }


@dataclass(frozen=True)
class CrossDecided:
    """Rows decided by rules that other folds chose.

    Attributes:
        calls: (n,) FAKE, REAL or undecided, in the order of the rows.
        rules: fold -> the rule that the other folds chose, and which it was decided by.
        delivered: by these calls.

    Examples:
        >>> from calibration import Aim, cross_decide
        >>> y, p, fold = [0, 1, 0, 1], [0.1, 0.9, 0.7, 0.8], [0, 0, 1, 1]
        >>> cross_decide(Aim(), y, p, None, fold).calls.tolist()
        ['REAL', 'FAKE', 'FAKE', 'FAKE']
    """

    calls: NDArray[np.str_]
    rules: Mapping[Any, DecisionRule]
    delivered: Delivered


def cross_decide(
    aim: Aim, y: ArrayLike, p: ArrayLike, groups: ArrayLike | None, folds: ArrayLike
) -> CrossDecided:
    """Decide each fold by the rule that the others choose, and say what that delivers.

    Args:
        aim: what the rules are chosen for.
        y, p, groups: as of `choose_rule`.
        folds: (n,) fold of each row; groups are whole in them.

    Raises:
        InputError: bad labels or probabilities, or a single fold.

    Examples:
        >>> import numpy as np
        >>> from calibration import Aim, cross_decide
        >>> p = np.linspace(0.01, 0.99, 99)
        >>> decided = cross_decide(Aim(), p > 0.5, p, None, np.arange(99) % 3)
        >>> decided.delivered.errors.value
        0.0
    """
    labels = np.asarray(y, dtype=np.float64)
    probability = np.asarray(p, dtype=np.float64)
    fold = np.asarray(folds)
    names = np.unique(fold)
    if len(names) < 2:
        raise InputError("there is one fold", remedy="give at least 2, so that others can choose")
    calls = np.full(len(labels), UNDECIDED, dtype=f"<U{len(UNDECIDED)}")
    rules = {}
    group = None if groups is None else np.asarray(groups)
    for name in names:
        held = fold == name
        chosen = choose_rule(
            aim, labels[~held], probability[~held], None if group is None else group[~held]
        )
        rules[name] = chosen.rule
        calls[held] = chosen.rule.decide(probability[held])
    return CrossDecided(calls, rules, deliver(aim, labels, probability, calls, group))


def deliver(
    aim: Aim,
    y: ArrayLike,
    p: ArrayLike,
    calls: NDArray[np.str_],
    groups: ArrayLike | None = None,
) -> Delivered:
    """Rates and counts of calls, (n,), with intervals over groups.

    Args:
        aim: its costs count. y: labels. p: probabilities; checked only. groups: (n,).

    Raises:
        InputError: bad labels or probabilities.
    """
    check_judged(y, p, groups)
    labels = np.asarray(y, dtype=np.float64)
    group = np.arange(len(labels)) if groups is None else np.asarray(groups)
    is_fake, is_real = calls == FAKE, calls == REAL
    false_alarm, miss = is_fake & (labels != 1), is_real & (labels == 1)
    called = is_fake | is_real

    def rate(events: NDArray[np.bool_], of: NDArray[np.bool_]) -> Interval:
        return rate_interval(events[of], group[of])

    every = np.ones(len(labels), dtype=bool)
    counts = {
        f"{label} called {call}": int(((labels == value) & (calls == call)).sum())
        for label, value in ((FAKE, 1), (REAL, 0))
        for call in (FAKE, REAL, UNDECIDED)
    }
    return Delivered(
        rate(false_alarm, labels != 1),
        rate(miss, labels == 1),
        rate(false_alarm | miss, called),
        rate(~called, every),
        _cost(aim, false_alarm, miss, ~called, group),
        counts,
    )


def _cost(
    aim: Aim,
    false_alarm: NDArray[np.bool_],
    miss: NDArray[np.bool_],
    undecided: NDArray[np.bool_],
    groups: Codes | NDArray[Any],
) -> Interval | None:
    if aim.kind != "costs":
        return None
    of_miss, of_false_alarm, of_undecided = aim.costs
    cost: Floats = of_miss * miss + of_false_alarm * false_alarm + (of_undecided or 0.0) * undecided
    return mean_interval(cost, groups)
