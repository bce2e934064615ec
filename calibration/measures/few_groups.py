"""What few and uneven groups do to an interval: its ends go further out, within the bounds.

The percentiles of a group bootstrap are too narrow with few groups, for two reasons.

- They know the spread of the groups drawn, not how badly so few tell it, least where some groups
  hold most of the rows. How much further out the ends belong is known of a mean: Student's quantile
  with as many degrees of freedom as the groups' sizes leave, and the bias of the variance (Bell and
  McCaffrey 2002). That is the `factor`.
- A dear mistake in a hundred rows is missing from most draws of a few groups, and with it most of
  the spread. The answers themselves say how often they will be wrong: where the spread that
  they say is greater than the one that is seen, the difference counts, as much as five degrees of
  freedom (variances are joined so by Smyth 2004). That is what is `unseen`.

With many groups both go away.
"""

from dataclasses import dataclass
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

#: Degrees of freedom that the spread the answers say counts for.
_SAID_FREEDOM = 5.0


@dataclass(frozen=True)
class Widening:
    """How much further out the ends of a percentile interval belong.

    Attributes:
        factor: times as far from the value, 1 or more.
        unseen: what is added to each distance before, in quadrature; in units of the value.
    """

    factor: float = 1.0
    unseen: float = 0.0

    def widen(
        self, value: float, low: float, high: float, bounds: Bounds = None
    ) -> tuple[float, float]:
        """The ends, further out and inside the bounds.

        Distances are those of logits between the bounds, so that no loss falls below 0 and no share
        leaves [0, 1]; of a value that lies on a bound they are plain, and cut there.
        """
        least, most = (-np.inf, np.inf) if bounds is None else bounds
        if bounds is None or not least < value < most:
            down, up = (self._further(end - value, self.unseen) for end in (low, high))
            return max(value - down, least), min(value + up, most)
        with np.errstate(divide="ignore"):  # an end on a bound is infinitely far
            here, *ends = np.log(np.subtract((value, low, high), least)) - np.log(
                np.subtract(most, (value, low, high))
            )
        unseen = self.unseen * (most - least) / ((value - least) * (most - value))
        down, up = (self._further(end - here, unseen) for end in ends)
        return (
            least + (most - least) * float(expit(here - down)),
            least + (most - least) * float(expit(here + up)),
        )

    def _further(self, distance: float, unseen: float) -> float:
        return self.factor * float(np.hypot(distance, unseen))


NO_WIDENING: Final = Widening()


def widening_of(
    mass: Floats,
    level: float = 0.95,
    *,
    deviations: Floats | None = None,
    said: Floats | None = None,
) -> Widening:
    """What the interval of a measure over these groups lacks.

    The factor is t / z / sqrt(1 - sum w^2), with w the groups' shares of the rows: Student's
    quantile in place of the normal one, and the groups' own part in the mean that their spread is
    taken from. 1.04 with 50 equal groups, 1.58 with 5; none where fewer than two have rows.

    Args:
        mass: rows, or sums of weights, of each group, (n_groups,).
        level: of the interval.
        deviations: of a mean, the rows' values less it, times weights, summed over each group.
        said: of a mean, the variance that each row's value has where the label is drawn from the
            answer itself, times the squared weights, summed over each group.
    """
    if np.count_nonzero(mass) < 2:
        return NO_WIDENING
    normal = float(ndtri((1 + level) / 2))
    freedom = degrees_of_freedom(mass)
    share = mass / mass.sum()
    left = max(float(share @ (1 - share)), np.finfo(np.float64).tiny)
    factor = float(stdtrit(freedom, (1 + level) / 2)) / normal / left**0.5
    unseen = 0.0
    if deviations is not None and said is not None:
        more = max(float(said.sum() - deviations @ deviations), 0.0)
        unseen = normal * (more * _SAID_FREEDOM / (freedom + _SAID_FREEDOM)) ** 0.5 / mass.sum()
    return Widening(max(factor, 1.0), float(unseen))


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
