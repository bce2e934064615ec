"""A rule that makes a probability FAKE, REAL or undecided."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.decisions.aim import Aim
from calibration.inputs import check_probabilities_in
from calibration.prior import shift_prior

FAKE, REAL, UNDECIDED = "FAKE", "REAL", "undecided"


@dataclass(frozen=True)
class DecisionRule:
    """REAL up to `low`, FAKE above `high`, undecided between them.

    Attributes:
        low: probability of FAKE up to which REAL is called; None: it never is.
        high: probability above which FAKE is called, at least `low`; None: it never is.
        share: of fakes at which these probabilities are calibrated.
        by_cost: the bounds follow from what errors cost, and stay where they are when the share of
            fakes changes; others are where the scores of a label lie, and move with them.

    Examples:
        >>> from calibration import DecisionRule
        >>> DecisionRule(0.2, 0.9, share=0.5).decide([0.1, 0.5, 0.95]).tolist()
        ['REAL', 'undecided', 'FAKE']
    """

    low: float | None
    high: float | None
    share: float
    by_cost: bool = False

    def decide(self, p: ArrayLike) -> NDArray[np.str_]:
        """What is called at each probability of FAKE; any shape.

        Raises:
            InputError: a number that is no probability.
        """
        probability = check_probabilities_in(p)
        is_fake = probability > (np.inf if self.high is None else self.high)
        is_real = probability <= (-np.inf if self.low is None else self.low)
        return np.where(is_fake, FAKE, np.where(is_real, REAL, UNDECIDED))

    def moved_to(self, share: float | None) -> Self:
        """The same rule for probabilities that were moved to another share of fakes (Bayes).

        Args:
            share: None where they were not moved.
        """
        if share is None or self.by_cost:
            return self
        low, high = (
            None if end is None else float(shift_prior(np.array([end]), self.share, share)[0])
            for end in (self.low, self.high)
        )
        return type(self)(low, high, share)

    @property
    def leaves_undecided(self) -> bool:
        """Whether there is a band in which nothing is called."""
        return self.low != self.high

    def as_dict(self) -> dict[str, Any]:
        """The attributes as JSON values."""
        return asdict(self)


def rule_of_costs(aim: Aim, share: float) -> DecisionRule:
    """The rule that costs least where the probabilities are right (Bayes; Chow 1970).

    Args:
        aim: its costs count.
        share: of fakes at which the probabilities are calibrated.
    """
    miss, false_alarm, undecided = aim.costs
    even = false_alarm / (false_alarm + miss)
    low = high = even
    if undecided is not None:
        low, high = undecided / miss, 1 - undecided / false_alarm
        if low >= high:  # to look costs more than any error is likely to
            low = high = even
    return DecisionRule(low, high, share, by_cost=True)
