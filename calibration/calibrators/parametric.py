"""Calibrators of a few parameters: identity, temperature, affine, beta, quadratic logistic."""

import numpy as np

from calibration.calibrators.base import Calibrator
from calibration.calibrators.slopes import slope_columns, weighted_quantiles
from calibration.inputs import Floats
from calibration.logistic import (
    fit_columns,
    fit_line,
    fit_slope,
    logit_of_share,
    mean_log_loss,
    separable,
    smooth_targets,
)


class IdentityCalibrator(Calibrator):
    """Leaves every logit as it is: what *auto* falls back on when nothing helps.

    Examples:
        >>> from calibration import IdentityCalibrator
        >>> z, y = [-4.0, -3.0, -2.0, 2.0, 3.0, 4.0], [0, 0, 1, 0, 1, 1]
        >>> fitted = IdentityCalibrator().fit_logits(z, y)
        >>> fitted.map_logits([-4.0, 0.0, 4.0]).round(2).tolist()
        [-4.0, 0.0, 4.0]
    """

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        pass

    def _map(self, z: Floats) -> Floats:
        return z


class TemperatureCalibrator(Calibrator):
    """p = sigmoid(z / T) with the T > 0 of least log loss (Guo et al. 2017).

    The loss is convex in b = 1 / T, so the minimum is exact. Never raises the training log loss,
    never changes the order of the rows. Where no such T exists the answer is bounded: separable
    rows take Platt's smoothed targets (unless T = 1 is already better), and scores that are no
    better than reversed are flattened until the largest logit is 1e-6.

    Attributes:
        temperature_: T, finite and positive.

    Examples:
        >>> from calibration import TemperatureCalibrator
        >>> z, y = [-4.0, -3.0, -2.0, 2.0, 3.0, 4.0], [0, 0, 1, 0, 1, 1]
        >>> fitted = TemperatureCalibrator().fit_logits(z, y)
        >>> round(fitted.temperature_, 2)
        2.52
        >>> fitted.predict_proba([[4.0]]).round(2).tolist()  # REAL, FAKE
        [[0.17, 0.83]]
    """

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        self.temperature_ = 1 / fit_slope(z, t, w)

    def _map(self, z: Floats) -> Floats:
        return z / self.temperature_


class AffineCalibrator(Calibrator):
    """p = sigmoid(intercept + slope * z), of least log loss (Platt 1999, on logits).

    The slope may have either sign, so that a score of which high means REAL is turned round;
    `increasing=True` holds it at 0 or above. Separable rows take Platt's smoothed targets. Never
    raises the training log loss.

    Args:
        increasing: never turn the order of the rows round.

    Attributes:
        slope_, intercept_: the line, in logits.

    Examples:
        >>> from calibration import AffineCalibrator
        >>> z, y = [-4.0, -3.0, -2.0, 2.0, 3.0, 4.0], [0, 0, 1, 0, 1, 1]
        >>> fitted = AffineCalibrator().fit_logits(z, y)
        >>> round(fitted.slope_, 2), round(abs(fitted.intercept_), 2)
        (0.4, 0.0)
    """

    def __init__(self, increasing: bool = False) -> None:
        self.increasing = increasing

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        slope, intercept = fit_line(z, t, w)
        if not np.isfinite(slope) or (self.increasing and slope < 0):
            slope, intercept = 0.0, logit_of_share(t, w)
        # Platt's targets can lose to scores that already separate better than he dares say.
        if mean_log_loss(z, t, w) < mean_log_loss(intercept + slope * z, t, w):
            slope, intercept = 1.0, 0.0
        self.slope_, self.intercept_ = slope, intercept

    def _map(self, z: Floats) -> Floats:
        return self.intercept_ + self.slope_ * z


class BetaCalibrator(Calibrator):
    """logit q = a log p - b log(1 - p) + c with a, b >= 0, of least log loss (Kull et al. 2017).

    The paper drops a feature whose coefficient comes out negative and fits again; here the
    constrained minimum is found outright, which is that fallback for the better feature.
    Monotone; a = b = 1, c = 0 is the identity, so the training log loss never rises. Separable
    rows take Platt's smoothed targets.

    Attributes:
        a_, b_, c_: the three parameters.

    Examples:
        >>> from calibration import BetaCalibrator
        >>> z, y = [-4.0, -3.0, -2.0, 2.0, 3.0, 4.0], [0, 0, 1, 0, 1, 1]
        >>> fitted = BetaCalibrator().fit_logits(z, y)
        >>> fitted.map_logits([-4.0, 0.0, 4.0]).round(2).tolist()
        [-1.59, 0.0, 1.59]
    """

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        targets = smooth_targets(t, w) if separable(z, t) else t
        sides = np.column_stack([-np.logaddexp(0, -z), np.logaddexp(0, z)])
        slopes, constant = fit_columns(sides, targets, w, increasing=True)
        if mean_log_loss(z, t, w) < mean_log_loss(sides @ slopes + constant, t, w):
            slopes, constant = np.ones(2), 0.0
        self.a_, self.b_ = (float(slope) for slope in slopes)
        self.c_ = constant

    def _map(self, z: Floats) -> Floats:
        return self.c_ - self.a_ * np.logaddexp(0, -z) + self.b_ * np.logaddexp(0, z)


class QuadraticCalibrator(Calibrator):
    """logit q = c0 + c1 z + c2 z^2, of least log loss (quadratic scaling, Berta et al. 2025).

    Two safeguards that the original has not. Outside the central part of the training logits the
    parabola goes on as its tangent, so that a saturated logit counts as it is and not squared.
    And the slope is held at 0 or above, which with straight ends means at both ends of the
    central part: the map is monotone, and no new score is thrown back by the far branch. With
    `tail=0` and `increasing=False` it is the published one. Never raises the training log loss:
    slope 1 throughout is the identity. Separable rows take Platt's smoothed targets.

    Args:
        tail: share of the weight beyond each end of the central part.
        increasing: hold the slope at 0 or above.

    Attributes:
        low_, high_: the ends of the central part, logits.
        intercept_, slope_low_, slope_high_: the map's value and slope at low_, its slope at high_.

    Examples:
        >>> from calibration import QuadraticCalibrator
        >>> z, y = [-4.0, -3.0, -2.0, 2.0, 3.0, 4.0], [0, 0, 1, 0, 1, 1]
        >>> fitted = QuadraticCalibrator().fit_logits(z, y)
        >>> fitted.map_logits([-4.0, 0.0, 4.0]).round(2).tolist()
        [-1.59, 0.0, 1.59]
    """

    def __init__(self, tail: float = 0.01, increasing: bool = True) -> None:
        self.tail = tail
        self.increasing = increasing

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        self.low_, self.high_ = weighted_quantiles(z, w, [self.tail, 1 - self.tail])
        if self.low_ == self.high_:
            self.low_, self.high_ = float(z.min()), float(z.max())
        if self.low_ == self.high_:
            self.high_ = self.low_ + max(1.0, abs(self.low_))
        # The map's slope is a mixture of its slopes at the ends: two features, both increasing.
        ends = slope_columns(z, np.array([self.low_, self.high_]))
        apart = separable(z, t) or (not self.increasing and _separable_by_parabola(ends, t))
        targets = smooth_targets(t, w) if apart else t
        slopes, constant = fit_columns(ends, targets, w, increasing=self.increasing)
        if mean_log_loss(z, t, w) < mean_log_loss(ends @ slopes + constant, t, w):
            slopes, constant = np.ones(2), self.low_
        self.slope_low_, self.slope_high_ = (float(slope) for slope in slopes)
        self.intercept_ = constant

    def _map(self, z: Floats) -> Floats:
        ends = slope_columns(z, np.array([self.low_, self.high_]))
        return np.asarray(self.intercept_ + ends @ [self.slope_low_, self.slope_high_])


def _separable_by_parabola(ends: Floats, t: Floats) -> bool:
    """Whether a tailed parabola of any shape parts the labels; asked by a linear programme."""
    from scipy.optimize import linprog

    sign = np.where(t == 1, 1.0, -1.0)
    scaled = ends / np.maximum(np.abs(ends).max(axis=0), np.finfo(float).tiny)
    rows = sign[:, None] * np.column_stack([np.ones(len(t)), scaled])
    # A direction with no row on the wrong side and some row strictly right: loss falls along it.
    solution = linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(t)), bounds=[(-1, 1)] * 3)
    return bool(solution.status == 0 and -solution.fun > 1e-9)
