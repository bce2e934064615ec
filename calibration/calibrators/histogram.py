"""The share of FAKE in bins."""

import numpy as np

from calibration.calibrators.base import Calibrator
from calibration.inputs import Floats
from predictions.errors import InputError
from predictions.logits import to_logit


class HistogramCalibrator(Calibrator):
    """The share of FAKE in each of `n_bins` bins of equal weight (Zadrozny and Elkan 2001).

    Rows with the same score share a bin. Each share is drawn towards that of all rows by
    `shrink` imaginary rows, so that no bin says 0 or 1. Not monotone: bins stand for themselves.

    Attributes:
        edges_: the inner edges, logits, (bins - 1,); a score on an edge belongs above it.
        values_: the probability of each bin, (bins,).

    Examples:
        >>> from calibration import HistogramCalibrator
        >>> from predictions import to_probability
        >>> z, y = [-3.0, -1.0, 1.0, 3.0] * 25, [0, 0, 1, 1, 0, 1, 0, 1] * 12 + [0, 0, 1, 1]
        >>> fitted = HistogramCalibrator().fit_logits(z, y)
        >>> to_probability(fitted.map_logits([-3.0, 3.0])).round(2).tolist()
        [0.02, 0.98]
    """

    def __init__(self, n_bins: int = 15, shrink: float = 1.0) -> None:
        self.n_bins = n_bins
        self.shrink = shrink

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        if self.n_bins < 1 or not self.shrink > 0:
            raise InputError(
                f"n_bins is {self.n_bins} and shrink {self.shrink}",
                remedy="give at least 1 bin and a number of rows over 0",
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
