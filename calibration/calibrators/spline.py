"""The monotone smooth map: slopes at quantiles of the scores, penalised for roughness."""

import numpy as np

from calibration.calibrators.base import Calibrator
from calibration.calibrators.slopes import slope_columns, weighted_quantiles
from calibration.inputs import Floats
from calibration.logistic import columns_path, mean_log_loss
from predictions.errors import InputError
from predictions.logits import to_probability

#: A slope that is not above this share of the largest one is held at zero.
_AT_REST = 1e-9


class SplineCalibrator(Calibrator):
    """A monotone smooth map: its slope in logits is piecewise linear and never below 0.

    The quadratic calibrator with more freedom: slopes at `n_knots` quantiles of the scores
    instead of at two, straight beyond the outermost. Differences between neighbouring slopes are
    penalised, from affine (infinitely much) to free, and how much is chosen by Akaike's
    criterion with the effective number of parameters. Half an imaginary row of each label at the
    lowest and at the highest score keeps the slopes finite where the outermost rows are of one
    label. Where the identity has the lower training log loss, it is taken.

    Args:
        n_knots: slopes, at least 2; fewer where there are fewer distinct scores.
        tail: share of the weight beyond each outermost knot.

    Attributes:
        knots_, slopes_, intercept_: the map: its value at the first knot and its slopes at all.
        penalty_: the chosen weight of the penalty.

    Examples:
        >>> from calibration import SplineCalibrator
        >>> from predictions import to_probability
        >>> z, y = [-3.0, -1.0, 1.0, 3.0] * 25, [0, 0, 1, 1, 0, 1, 0, 1] * 12 + [0, 0, 1, 1]
        >>> fitted = SplineCalibrator().fit_logits(z, y)
        >>> to_probability(fitted.map_logits([-3.0, 3.0])).round(2).tolist()
        [0.03, 0.97]
    """

    def __init__(self, n_knots: int = 8, tail: float = 0.01) -> None:
        self.n_knots = n_knots
        self.tail = tail

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        if self.n_knots < 2 or not 0 <= self.tail < 0.5:
            raise InputError(
                f"n_knots is {self.n_knots} and tail {self.tail}",
                remedy="give at least 2 knots and a share below 0.5",
            )
        shares = np.linspace(self.tail, 1 - self.tail, self.n_knots)
        knots = np.unique(weighted_quantiles(z, w, [float(share) for share in shares]))
        if len(knots) == 1:
            knots = np.unique([z.min(), knots[0], z.max()])
        self.knots_ = knots
        ends = np.array([z.min(), z.max()])
        columns = slope_columns(np.concatenate([z, ends, ends]), knots)
        targets = np.concatenate([t, [0.0, 0.0, 1.0, 1.0]])
        weight = np.concatenate([w, np.full(4, 0.5)])
        rough = _roughness(knots)
        best = np.inf
        # From straight to free; in units of the information that one row has about a slope.
        unit = float(np.average(columns**2, axis=0, weights=weight).max()) or 1.0
        strengths = unit * 10.0 ** np.arange(1, -6, -1)
        path = columns_path(
            columns, targets, weight, strengths[:, None, None] * rough, increasing=True
        )
        for strength, (slopes, constant) in zip(strengths, path, strict=True):
            criterion = _criterion(columns, targets, weight, slopes, constant, strength * rough)
            if criterion < best - 1e-12:
                best = criterion
                self.slopes_, self.intercept_ = slopes, constant
                self.penalty_ = float(strength)
        if mean_log_loss(z, t, w) < mean_log_loss(self._map(z), t, w):
            self.slopes_, self.intercept_ = np.ones(len(knots)), float(knots[0])

    def _map(self, z: Floats) -> Floats:
        return np.asarray(self.intercept_ + slope_columns(z, self.knots_) @ self.slopes_)


def _roughness(knots: Floats) -> Floats:
    """(knots, knots): the integral of the squared second derivative, times the range."""
    difference = np.diff(np.eye(len(knots)), axis=0)
    if len(knots) == 1:
        return np.zeros((1, 1))
    gaps = np.diff(knots) / (knots[-1] - knots[0])
    return np.asarray(difference.T @ (difference / gaps[:, None]))


def _criterion(
    columns: Floats, t: Floats, w: Floats, slopes: Floats, constant: float, penalty: Floats
) -> float:
    """Akaike's criterion over twice the weight, with the trace of the influence matrix."""
    score = columns @ slopes + constant
    p = to_probability(score)
    # What is held at zero may come out of the solver as 1e-17.
    free = np.append(slopes > _AT_REST * slopes.max(initial=0.0), True)
    features = np.column_stack([columns, np.ones(len(columns))])[:, free]
    padded = np.pad(penalty, (0, 1))[np.ix_(free, free)]
    information = (features * (w / w.sum() * p * (1 - p))[:, None]).T @ features
    unit = np.sqrt(np.maximum(np.diag(information + padded), np.finfo(float).tiny))
    scaled = information / unit / unit[:, None]
    both = (information + padded) / unit / unit[:, None]
    parameters = float(np.trace(np.linalg.pinv(both, rcond=1e-12, hermitian=True) @ scaled))
    return mean_log_loss(score, t, w) + parameters / float(w.sum())
