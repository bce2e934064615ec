"""Calibrators whose shape the data decides: isotonic, histogram, monotone spline."""

import numpy as np
from numpy.typing import NDArray

from calibration.calibrators.base import Calibrator, Input
from calibration.calibrators.parametric import fit_columns, slope_columns, weighted_quantiles
from calibration.inputs import Floats
from calibration.logistic import mean_log_loss
from predictions.errors import InputError
from predictions.logits import to_logit, to_probability


class IsotonicCalibrator(Calibrator):
    """The non-decreasing map of least log loss (Zadrozny and Elkan 2002; scikit-learn's PAV).

    Pool-adjacent-violators makes its first and last step exactly 0 and 1 wherever the outermost
    rows are of one label, and a single mistake there costs all. So those two steps are moved
    towards 1/2 by `shrink` imaginary rows of each label, 1 being the rule of succession;
    `shrink=0` is plain isotonic regression, whose training log loss no other non-decreasing map
    beats.

    Attributes:
        thresholds_, values_: logits, and the probabilities at them, between which is interpolated.
    """

    def __init__(self, input: Input = "logit", shrink: float = 1.0) -> None:
        super().__init__(input)
        self.shrink = shrink

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        from sklearn.isotonic import IsotonicRegression

        if not (np.isfinite(self.shrink) and self.shrink >= 0):
            raise InputError(f"shrink is {self.shrink}; give a number of rows, 0 or more.")
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


class HistogramCalibrator(Calibrator):
    """The share of FAKE in each of `n_bins` bins of equal weight (Zadrozny and Elkan 2001).

    Rows with the same score share a bin. Each share is drawn towards that of all rows by
    `shrink` imaginary rows, so that no bin says 0 or 1. Not monotone: bins stand for themselves.

    Attributes:
        edges_: the inner edges, logits, (bins - 1,); a score on an edge belongs above it.
        values_: the probability of each bin, (bins,).
    """

    def __init__(self, input: Input = "logit", n_bins: int = 15, shrink: float = 1.0) -> None:
        super().__init__(input)
        self.n_bins = n_bins
        self.shrink = shrink

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        if self.n_bins < 1 or not self.shrink > 0:
            raise InputError(
                f"n_bins is {self.n_bins} and shrink {self.shrink}; give at least 1 bin and a "
                "number of rows over 0."
            )
        scores, inverse = np.unique(z, return_inverse=True)
        mass = np.bincount(inverse, weights=w)
        middle = (np.cumsum(mass) - mass / 2) / mass.sum()
        bins = np.minimum((middle * self.n_bins).astype(np.intp), self.n_bins - 1)
        _, bins = np.unique(bins, return_inverse=True)
        first = np.flatnonzero(np.diff(bins)) + 1
        self.edges_ = (scores[first - 1] + scores[first]) / 2
        fakes = np.bincount(bins[inverse], weights=w * t)
        share = float(np.average(t, weights=w))
        total = np.bincount(bins[inverse], weights=w)
        self.values_ = (fakes + self.shrink * share) / (total + self.shrink)

    def _map(self, z: Floats) -> Floats:
        return to_logit(self.values_[np.searchsorted(self.edges_, z, side="right")])


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
    """

    def __init__(self, input: Input = "logit", n_knots: int = 8, tail: float = 0.01) -> None:
        super().__init__(input)
        self.n_knots = n_knots
        self.tail = tail

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        if self.n_knots < 2 or not 0 <= self.tail < 0.5:
            raise InputError(
                f"n_knots is {self.n_knots} and tail {self.tail}; give at least 2 knots and a "
                "share below 0.5."
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
        for strength in unit * 10.0 ** np.arange(1, -6, -1):
            slopes, constant = fit_columns(
                columns, targets, weight, increasing=True, penalty=strength * rough
            )
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
