"""The single detector: its logit as it came, or its raw score by Platt's map, to be calibrated."""

import numpy as np

from calibration import AffineCalibrator
from stacking.inner_folds import LEAST_TO_CALIBRATE_ONE
from stacking.inputs import Array, Codes
from stacking.learners.averages import MeanLogitLearner
from stacking.solvers import smoothed_logit


class PassthroughLearner(MeanLogitLearner):
    """The logit of the only detector, (n,), as it came; nothing is learned.

    A missing score gives the share of fakes. Several detectors cannot pass through one door: they
    are combined as MeanLogitLearner does.
    """

    least_to_calibrate = LEAST_TO_CALIBRATE_ONE

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self.single_ = X.shape[1] == 1
        if not self.single_:
            super()._fit(X, y, groups)
            return
        self.missing_ = smoothed_logit(y)
        self._fit_known(X[:, 0], y)

    def _fit_known(self, score: Array, y: Array) -> None:
        """Learn from the scores (n,) of the only detector, NaN where there is none."""

    def _logit(self, X: Array) -> Array:
        if not self.single_:
            return super()._logit(X)
        return np.where(np.isnan(X[:, 0]), self.missing_, self._map(X[:, 0]))

    def _map(self, score: Array) -> Array:
        return score


class PlattLearner(PassthroughLearner):
    """The logit that Platt's map makes of the only detector's raw score, of either direction, (n,).

    The map is the one behind the detector's own stage in `nested_predictions`: unpenalised, since a
    detector that was bounded or held short first could not be calibrated any more.
    """

    def _fit_known(self, score: Array, y: Array) -> None:
        known = ~np.isnan(score)
        self.raw_map_: AffineCalibrator | None = None
        if known.any() and y[known].min() < y[known].max():
            self.raw_map_ = AffineCalibrator().fit_logits(score[known], y[known])

    def _map(self, score: Array) -> Array:
        if self.raw_map_ is None:
            return np.full(len(score), self.missing_)
        return self.raw_map_.map_logits(score)
