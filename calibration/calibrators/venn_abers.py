"""Venn-Abers calibration: an interval of probabilities that is valid without assumptions."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from calibration.calibrators.base import Calibrator
from calibration.inputs import Floats


class VennAbersCalibrator(Calibrator):
    """Inductive Venn-Abers prediction (Vovk, Petej and Fedorova 2015).

    A new score is given the label 0, then 1, and isotonic regression over the calibration rows
    and itself says p0, then p1. One of the two is perfectly calibrated whatever the distribution,
    provided the rows are exchangeable; their distance shows how little is known at that score.
    The probability returned, p1 / (1 - p0 + p1), is minimax for log loss and strictly inside
    (0, 1). All (p0, p1) are worked out while fitting, in O(n log n).

    Attributes:
        scores_: the distinct calibration logits, sorted, (k,).
        low_: p0 just at or after each score, with 0.0 for before the first, (k + 1,).
        high_: p1 just at or before each score, with 1.0 for after the last, (k + 1,).

    Examples:
        >>> from calibration import VennAbersCalibrator
        >>> from predictions import to_probability
        >>> z, y = [-3.0, -1.0, 1.0, 3.0] * 25, [0, 0, 1, 1, 0, 1, 0, 1] * 12 + [0, 0, 1, 1]
        >>> fitted = VennAbersCalibrator().fit_logits(z, y)
        >>> to_probability(fitted.map_logits([-3.0, 3.0])).round(2).tolist()
        [0.04, 0.96]
    """

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        scores, inverse = np.unique(z, return_inverse=True)
        mass = np.bincount(inverse, weights=w).astype(np.float64)
        fakes = np.bincount(inverse, weights=w * t).astype(np.float64)
        self.scores_ = scores
        self.high_ = np.append(_with_a_fake(mass, fakes), 1.0)
        # A REAL added at a score is a FAKE added to the mirror image.
        self.low_ = np.append(0.0, 1 - _with_a_fake(mass[::-1], (mass - fakes)[::-1])[::-1])

    def _bounds(self, z: Floats) -> tuple[Floats, Floats]:
        # A FAKE between two scores pools with the one after it, a REAL with the one before it.
        high = self.high_[np.searchsorted(self.scores_, z, side="left")]
        low = self.low_[np.searchsorted(self.scores_, z, side="right")]
        return low, high

    def _map(self, z: Floats) -> Floats:
        low, high = self._bounds(z)
        return np.asarray(np.log(high) - np.log1p(-low))

    def predict_interval(self, X: ArrayLike) -> Floats:
        """p0 and p1 of each row, (n, 2), p0 < p1: probabilities of FAKE."""
        check_is_fitted(self)
        return np.column_stack(self._bounds(self._logits(X, reset=False)))


def _with_a_fake(mass: Floats, fakes: Floats) -> Floats:
    """Isotonic value at each distinct score once one more FAKE is put there, (k,).

    Isotonic regression is the slope of the lower hull of the points (rows so far, fakes so far).
    An added FAKE moves all points left of it down by (1, 1); going through the scores from left
    to right, only the hull to the right of the added row matters, and each point enters and
    leaves it once (the paper's algorithms 1 and 2).
    """
    xs = [0.0, *np.cumsum(mass).tolist()]
    ys = [0.0, *np.cumsum(fakes).tolist()]
    # The hull with the added row before all others; turned round, its left end is on top.
    stack = [(-1.0, -1.0)]
    for point in zip(xs, ys, strict=True):
        while len(stack) > 1 and _not_convex(stack[-2], stack[-1], point):
            stack.pop()
        stack.append(point)
    stack.reverse()
    values = np.empty(len(mass))
    for i in range(len(mass)):
        (x0, y0), (x1, y1) = stack[-1], stack[-2]
        values[i] = (y1 - y0) / (x1 - x0)
        moved = (xs[i + 1] - 1, ys[i + 1] - 1)
        if (moved[1] - y0) * (x1 - x0) >= (y1 - y0) * (moved[0] - x0):
            continue
        stack.pop()
        while len(stack) > 1 and _not_convex(moved, stack[-1], stack[-2]):
            stack.pop()
        stack.append(moved)
    return values


def _not_convex(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies on or above the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])
