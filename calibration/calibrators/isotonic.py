"""The best non-decreasing map, its ends shrunk."""

import numpy as np
from numpy.typing import NDArray

from calibration.calibrators.base import Calibrator
from calibration.inputs import Floats
from predictions.errors import InputError
from predictions.logits import to_logit


class IsotonicCalibrator(Calibrator):
    """The non-decreasing map of least log loss (Zadrozny and Elkan 2002; scikit-learn's PAV).

    Pool-adjacent-violators makes its first and last step exactly 0 and 1 wherever the outermost
    rows are of one label, and a single mistake there costs all. So those two steps are moved
    towards 1/2 by `shrink` imaginary rows of each label, 1 being the rule of succession;
    `shrink=0` is plain isotonic regression, whose training log loss no other non-decreasing map
    beats.

    Attributes:
        thresholds_, values_: logits, and the probabilities at them, between which is interpolated.

    Examples:
        >>> from calibration import IsotonicCalibrator
        >>> from predictions import to_probability
        >>> z, y = [-3.0, -1.0, 1.0, 3.0] * 25, [0, 0, 1, 1, 0, 1, 0, 1] * 12 + [0, 0, 1, 1]
        >>> fitted = IsotonicCalibrator().fit_logits(z, y)
        >>> to_probability(fitted.map_logits([-3.0, 3.0])).round(2).tolist()
        [0.04, 0.96]
    """

    def __init__(self, shrink: float = 1.0) -> None:
        self.shrink = shrink

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        from sklearn.isotonic import IsotonicRegression

        if not (np.isfinite(self.shrink) and self.shrink >= 0):
            raise InputError(f"shrink is {self.shrink}", remedy="give a number of rows, 0 or more")
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(z, t, w)
        values = fitted.y_thresholds_
        if self.shrink > 0:
            p = np.interp(z, fitted.X_thresholds_, values)
            first, last = (_shrunk_share(t, w, p == end, self.shrink) for end in (p.min(), p.max()))
            values = np.clip(values, min(first, 0.5), max(last, 0.5))
        self.thresholds_, self.values_ = fitted.X_thresholds_, values

    def _map(self, z: Floats) -> Floats:
        return to_logit(np.interp(z, self.thresholds_, self.values_))


def _shrunk_share(t: Floats, w: Floats, step: NDArray[np.bool_], shrink: float) -> float:
    """Share of FAKE among the rows of a step and `shrink` imaginary rows of each label."""
    return (float(w[step] @ t[step]) + shrink) / (float(w[step].sum()) + 2 * shrink)
