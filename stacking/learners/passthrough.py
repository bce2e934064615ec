"""The single detector: its logit as it is, for a stack that only calibrates."""

import numpy as np

from stacking.inputs import Array, Codes
from stacking.learners.averages import MeanLogitLearner
from stacking.solvers import smoothed_logit


class PassthroughLearner(MeanLogitLearner):
    """The logit of the only detector, (n,), as it came; nothing is learned.

    A missing score gives the share of fakes. Several detectors cannot pass through one door: they
    are combined as MeanLogitLearner does.
    """

    fits_log_loss = False

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self.single_ = X.shape[1] == 1
        if not self.single_:
            super()._fit(X, y, groups)
            return
        self.missing_ = smoothed_logit(y)

    def _logit(self, X: Array) -> Array:
        if not self.single_:
            return super()._logit(X)
        return np.where(np.isnan(X[:, 0]), self.missing_, X[:, 0])
