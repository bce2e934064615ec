"""The calibration line: how a logistic regression on the logits would correct them."""

import numpy as np
from numpy.typing import ArrayLike

from calibration.inputs import Codes, Floats, check_scored
from calibration.logistic import fit_line, fit_offset
from calibration.measures.bootstrap import group_sums
from calibration.measures.scores import EPS
from predictions.logits import to_logit, to_probability


def bounded_logit(p: Floats) -> Floats:
    """Logits of probabilities kept EPS away from 0 and 1, as log loss takes them."""
    return to_logit(np.clip(p, EPS, 1 - EPS))


def calibration_line(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> tuple[float, float]:
    """Calibration slope and intercept (Cox 1958): logit P(FAKE) = intercept + slope * logit p.

    1 and 0 where p is calibrated; a slope below 1 says that p is overconfident. NaN, NaN where
    one label is missing or all p are equal, as no line is determined then.

    Examples:
        >>> from calibration import calibration_line
        >>> y, p = [1, 1, 0, 0, 0, 1], [0.99, 0.98, 0.97, 0.02, 0.01, 0.03]
        >>> slope, intercept = calibration_line(y, p)
        >>> round(slope, 2)  # far below 1: too sure
        0.22
    """
    labels, probability, weight = check_scored(y, p, w)
    return fit_line(bounded_logit(probability), labels, weight)


def calibration_in_the_large(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """The one shift of the logits that makes mean p the share of FAKE (slope held at 1).

    0 where p is right on average, positive where FAKE is called too rarely; NaN with one label.

    Examples:
        >>> from calibration import calibration_in_the_large
        >>> round(calibration_in_the_large([1, 1, 1, 0], [0.5, 0.5, 0.5, 0.5]), 3)
        1.099
    """
    labels, probability, weight = check_scored(y, p, w)
    return fit_offset(bounded_logit(probability), labels, weight)


class LineRows:
    """The calibration line, and how it moves when groups are drawn: one Newton step, from sums.

    Args:
        slope_free: fit the slope too, or hold it at 1 (calibration in the large).

    Attributes:
        coefficients: (slope, intercept) on all rows; NaN with one label.
    """

    def __init__(self, y: Floats, p: Floats, codes: Codes, n_groups: int, slope_free: bool) -> None:
        z = bounded_logit(p)
        self._free = slope_free
        self.coefficients = (
            calibration_line(y, p) if slope_free else (1.0, calibration_in_the_large(y, p))
        )
        slope, intercept = self.coefficients
        fitted = to_probability(intercept + slope * z)
        lever, pull = fitted * (1 - fitted), y - fitted
        columns = [pull, lever]
        if slope_free:
            columns += [pull * z, lever * z, lever * z**2]
        self._sums = group_sums(np.column_stack(columns), codes, n_groups)

    def step(self, drawn: Floats) -> Floats:
        """Coefficients of each weighting of the groups: intercept, and slope if it is free."""
        total = drawn @ self._sums
        slope, intercept = self.coefficients
        with np.errstate(divide="ignore", invalid="ignore"):
            if not self._free:
                return np.asarray(intercept + total[:, :1] / total[:, 1:2])
            pull, lever, pull_z, lever_z, lever_zz = total.T
            size = lever * lever_zz - lever_z**2
            return np.column_stack(
                [
                    intercept + (lever_zz * pull - lever_z * pull_z) / size,
                    slope + (lever * pull_z - lever_z * pull) / size,
                ]
            )
