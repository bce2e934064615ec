"""The rule that keeps to an aim, chosen from probabilities of rows that taught nothing."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.decisions.aim import Aim
from calibration.decisions.rates import rate_interval
from calibration.decisions.rule import DecisionRule, rule_of_costs
from calibration.inputs import Codes, Floats, check_judged

#: Over what a rate is kept to: over new groups on average; in so many of 100 data sets; for these
#: videos alone, as there are too few groups to promise anything.
Guarantee = Literal["average", "confidence", "none"]

#: Shares of the videos, the surest ones, from which on `errors` with a confidence is tried.
_FIRST, _STEPS = 0.05, 200


@dataclass(frozen=True)
class Promise:
    """What a rule promises of one rate.

    Attributes:
        rate: `false_alarms`, `misses` or `errors`.
        most: what was asked.
        guarantee: how it holds.
        confidence: of that guarantee.
        groups: that the rate was seen on.
        least_groups: without which nothing can be promised at this rate.

    Examples:
        >>> from calibration import Aim, choose_rule
        >>> choose_rule(Aim(misses=0.01), [0, 1, 1], [0.2, 0.7, 0.9]).promises[0].least_groups
        99
    """

    rate: str
    most: float
    guarantee: Guarantee
    confidence: float | None
    groups: int
    least_groups: int

    def as_dict(self) -> dict[str, Any]:
        """The attributes as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Choice:
    """A rule and what it promises.

    Examples:
        >>> import numpy as np
        >>> from calibration import Aim, choose_rule
        >>> p = np.linspace(0.01, 0.99, 99)
        >>> choice = choose_rule(Aim(false_alarms=0.2), p > 0.5, p)
        >>> round(choice.rule.high, 2)
        0.41
        >>> choice.promises[0].guarantee
        'average'
    """

    rule: DecisionRule
    promises: tuple[Promise, ...]


def choose_rule(aim: Aim, y: ArrayLike, p: ArrayLike, groups: ArrayLike | None = None) -> Choice:
    """The rule that keeps to `aim`, as far as it can, and calls as much as it may.

    A rate of one label (`false_alarms`, `misses`) is kept to by conformal prediction over groups
    (Dunn, Wasserman and Ramdas 2022; Lee, Barber and Willett 2023): with G groups of that label and
    r_g the share of a group's videos that are called wrong, the sum of r_g may be (G + 1) times the
    rate less 1. A video of a new group is then called wrong with no more than that probability, on
    average over such data sets, whatever the scores are like; the share of all videos is held to
    the same. With `confidence`, the upper end of `rate_interval` (Clopper and Pearson on groups) is
    what may be as high as the rate. With too few groups for either (fewer than 1 / rate - 1, or
    log(1 - confidence) / log(1 - rate)) the rate is kept to on these rows, and nothing is promised.

    `errors` is a share of what is called: the least sure are left out until it holds on these rows;
    with `confidence`, from the surest on as long as its upper end allows (fixed-sequence testing,
    Angelopoulos et al. 2021). Costs need no choice: `rule_of_costs`.

    Args:
        y: labels, (n,), 1 = FAKE.
        p: calibrated probabilities of FAKE, (n,), of fits that have not seen the rows' groups.
        groups: (n,) what is drawn as a whole; each row alone if not given.

    Raises:
        InputError: bad labels or probabilities.

    Examples:
        >>> import numpy as np
        >>> from calibration import Aim, choose_rule
        >>> p = np.linspace(0.01, 0.99, 99)
        >>> rule = choose_rule(Aim(cost_miss=3), p > 0.5, p).rule
        >>> rule.high, rule.decide([0.2, 0.3]).tolist()
        (0.25, ['REAL', 'FAKE'])
    """
    labels, probability, codes = check_judged(y, p, groups)
    share = float(labels.mean())
    if aim.kind in ("costs", "even"):
        return Choice(rule_of_costs(aim, share), ())
    if aim.kind == "errors":
        return _for_errors(aim, labels, probability, codes, share)
    low = high = None
    promises = []
    if aim.false_alarms is not None:
        reals = labels != 1
        held = _Held(probability[reals], codes[reals], aim.false_alarms, aim.confidence)
        high = held.bound()
        promises.append(held.promise("false_alarms"))
    if aim.misses is not None:
        fakes = labels == 1
        held = _Held(-probability[fakes], codes[fakes], aim.misses, aim.confidence)
        bound = held.bound()
        # A fake as low as the bound is still caught: REAL ends between it and the next below.
        low = None if bound is None else _below(-bound, probability)
        promises.append(held.promise("misses"))
    if aim.misses is None:
        low = high
    elif aim.false_alarms is None:
        high = low
    elif low is not None and high is not None and low > high:
        low = high = (low + high) / 2  # anything between keeps to both
    return Choice(DecisionRule(low, high, share), tuple(promises))


class _Held:
    """One label's scores, high = called wrong, held to a rate.

    Args:
        score: (m,). codes: (m,) groups. most: the rate. confidence: None: on average.
    """

    def __init__(self, score: Floats, codes: Codes, most: float, confidence: float | None) -> None:
        names, self._codes = np.unique(codes, return_inverse=True)
        self._score, self._most, self._confidence = score, most, confidence
        self.groups = len(names)

    @property
    def least_groups(self) -> int:
        return least_groups(self._most, self._confidence)

    @property
    def guarantee(self) -> Guarantee:
        if self.groups < self.least_groups:
            return "none"
        return "average" if self._confidence is None else "confidence"

    def promise(self, rate: str) -> Promise:
        return Promise(
            rate, self._most, self.guarantee, self._confidence, self.groups, self.least_groups
        )

    def bound(self) -> float | None:
        """The lowest score of these whose rate above is low enough; None where there is none."""
        order = np.argsort(-self._score, kind="stable")
        score, codes = self._score[order], self._codes[order]
        if not len(score):
            return None
        # Of rows with one score, all are above a bound or none: the first of each counts.
        first = np.append(0, np.flatnonzero(np.diff(score)) + 1)
        rows = first / len(score)
        sizes = np.bincount(codes)
        by_group = np.append(0.0, np.cumsum(1 / sizes[codes]))[first]
        allowed = rows <= self._most
        if self.guarantee == "average":
            allowed &= by_group + 1 <= self._most * (self.groups + 1) + 1e-9
            allowed &= first + 1 <= self._most * (len(score) + 1) + 1e-9
        places = np.flatnonzero(allowed)
        if self.guarantee == "confidence":
            # From none on, up to the first that is not sure (fixed-sequence testing), in steps.
            places = places[np.unique(np.linspace(0, len(places) - 1, _STEPS).astype(np.intp))]
            places = np.array(
                list(takewhile(lambda at: self._is_sure(order[: first[at]]), places)), dtype=np.intp
            )
        return float(score[first[places[-1]]]) if len(places) else None

    def _is_sure(self, above: Codes) -> bool:
        assert self._confidence is not None
        wrong = np.zeros(len(self._score))
        wrong[above] = 1.0
        # The upper end of a two-sided interval errs by half of what the interval does.
        level = 2 * self._confidence - 1
        return rate_interval(wrong, self._codes, level=level).high <= self._most + 1e-12


def least_groups(most: float, confidence: float | None) -> int:
    """The fewest groups with which a rate can be promised: all of them without an error.

    Examples:
        >>> from calibration.decisions.choose import least_groups
        >>> least_groups(0.01, None), least_groups(0.01, 0.95)
        (99, 299)
    """
    needed = 1 / most - 1 if confidence is None else np.log1p(-confidence) / np.log1p(-most)
    return int(np.ceil(needed - 1e-9))


def _below(bound: float, probability: Floats) -> float:
    lower = probability[probability < bound]
    return (bound + float(lower.max())) / 2 if len(lower) else bound / 2


def _for_errors(aim: Aim, y: Floats, p: Floats, codes: Codes, share: float) -> Choice:
    assert aim.errors is not None
    sure = np.maximum(p, 1 - p)
    wrong = ((p > 0.5) != (y == 1)).astype(np.float64)
    kept: float | None = None
    if aim.confidence is None:
        order = np.argsort(-sure, kind="stable")
        last = np.append(np.flatnonzero(np.diff(sure[order])), len(sure) - 1)
        risk = np.cumsum(wrong[order])[last] / (last + 1)
        low_enough = np.flatnonzero(risk <= aim.errors)
        if len(low_enough):
            kept = float(sure[order][last[low_enough[-1]]])
    else:
        level = 2 * aim.confidence - 1
        for least in _surest_first(sure):
            called = sure >= least
            if rate_interval(wrong[called], codes[called], level=level).high > aim.errors:
                if kept is None and len(np.unique(codes[called])) < least_groups(
                    aim.errors, aim.confidence
                ):
                    continue  # so few cannot show it, whatever their labels
                break
            kept = float(least)
    groups = int(codes.max()) + 1
    least = 1 if aim.confidence is None else least_groups(aim.errors, aim.confidence)
    guarantee: Guarantee = "none" if aim.confidence is None or kept is None else "confidence"
    promise = Promise("errors", aim.errors, guarantee, aim.confidence, groups, least)
    if kept is None:
        return Choice(DecisionRule(None, None, share), (promise,))
    # Called is what is as sure as `kept`: FAKE from there on, REAL up to its mirror.
    below = p[(1 - p >= kept) & (p <= 0.5)]
    low = float(below.max()) if len(below) else 1 - kept
    above = p[(p < kept) & (p > 0.5)]
    high = max((kept + float(above.max())) / 2 if len(above) else 0.5, 0.5)
    return Choice(DecisionRule(low, high, share), (promise,))


def _surest_first(sure: Floats) -> Iterator[float]:
    """Levels of sureness that part the videos evenly, which no label has a say in."""
    for coverage in np.linspace(_FIRST, 1.0, _STEPS):
        yield float(np.quantile(sure, 1 - coverage, method="lower"))
