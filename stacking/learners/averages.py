"""Meta-learners with almost nothing to learn: means of aligned scores, the best, a greedy mean."""

import hashlib
from collections import OrderedDict
from typing import ClassVar

import numpy as np
from scipy.special import expit

from calibration.measures.scores import log_loss_of_logits
from stacking.features import TamedScores
from stacking.inner_folds import LEAST_TO_CALIBRATE
from stacking.inputs import Array, Codes
from stacking.learners.base import MetaLearner
from stacking.solvers import Linear, ridge_path

#: Keeps logits of averaged probabilities finite.
_EDGE = 1e-12


#: Platt's maps by what they were fitted to, the oldest first.
_platt_maps: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
_MOST_MAPS = 4096


def _platt(score: Array, y: Array) -> Linear:
    """Platt's map of a column (n,): kept, as several meta-learners align the same rows."""
    content = hashlib.blake2b(score.tobytes(), key=hashlib.blake2b(y.tobytes()).digest()).digest()
    known = _platt_maps.get(content)
    if known is None:
        fitted = ridge_path(score[:, None], y, (1.0,))[0]
        known = _platt_maps[content] = fitted.intercept, float(fitted.coef[0])
        if len(_platt_maps) > _MOST_MAPS:
            _platt_maps.popitem(last=False)
    return Linear(known[0], np.array([known[1]]))


class AlignedScores:
    """Each score on its own put onto the logit scale by Platt's affine map, (n, k), NaN kept.

    This gives raw scores of any scale and direction a common meaning before they are averaged.
    """

    def fit(self, X: Array, y: Array) -> "AlignedScores":
        self.tamed_ = TamedScores().fit(X)
        tamed = self.tamed_.scores(X)
        self.maps_: list[Linear] = []
        losses = []
        for j in range(X.shape[1]):
            known = ~np.isnan(X[:, j])
            linear = Linear(0.0, np.zeros(1))
            if known.any():
                linear = _platt(tamed[known, j], y[known])
            self.maps_.append(linear)
            logit = np.where(known, linear(tamed[:, j : j + 1]), 0.0)
            losses.append(log_loss_of_logits(y, logit).mean())
        self.losses_ = np.array(losses)
        return self

    def transform(self, X: Array) -> Array:
        tamed = self.tamed_.scores(X)
        aligned = np.empty_like(tamed)
        for j, linear in enumerate(self.maps_):
            aligned[:, j] = linear(tamed[:, j : j + 1])
        aligned[np.isnan(X)] = np.nan
        return aligned


def mean_known(values: Array, fallback: float) -> Array:
    """Row means over the values that are there, (n,); `fallback` where none is."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), fallback)


class AlignedDeviations:
    """The mean of a row's aligned scores, and how far each of them lies from it, (n, 1 + k).

    The mean is stretched `STRETCH` times, so that a ridge penalty hardly holds it; a missing score
    does not deviate.
    """

    STRETCH = 10.0

    def fit(self, X: Array, y: Array) -> "AlignedDeviations":
        self.aligned_ = AlignedScores().fit(X, y)
        return self

    def transform(self, X: Array) -> Array:
        aligned = self.aligned_.transform(X)
        mean = mean_known(aligned, 0.0)[:, None]
        deviation = np.where(np.isnan(aligned), 0.0, aligned - mean)
        return np.hstack([mean * self.STRETCH, deviation])


def to_bounded_logit(probability: Array) -> Array:
    """Logit of averaged probabilities, kept finite."""
    p = np.clip(probability, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(p) - np.log1p(-p))


class MeanLearner(MetaLearner):
    """Mean of the detectors' probabilities, each first aligned by Platt's map.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import MeanLearner
        >>> fitted = MeanLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    uses_statistics = False
    least_to_calibrate = LEAST_TO_CALIBRATE

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self.aligned_ = AlignedScores().fit(X, y)
        self.prior_ = float(y.mean())

    def _logit(self, X: Array) -> Array:
        return to_bounded_logit(mean_known(expit(self.aligned_.transform(X)), self.prior_))


class MeanLogitLearner(MetaLearner):
    """Mean of the detectors' logits, each first aligned by Platt's map, then Platt again.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import MeanLogitLearner
        >>> fitted = MeanLogitLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    uses_statistics = False

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self.aligned_ = AlignedScores().fit(X, y)
        self.platt_ = ridge_path(self._mean(X), y, (1e-2,))[0]

    def _mean(self, X: Array) -> Array:
        return mean_known(self.aligned_.transform(X), 0.0)[:, None]

    def _logit(self, X: Array) -> Array:
        return self.platt_(self._mean(X))


class BestLearner(MetaLearner):
    """The one detector with the lowest log loss after Platt's map; the next best where missing.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import BestLearner
        >>> fitted = BestLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    uses_statistics = False

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self.aligned_ = AlignedScores().fit(X, y)
        self.order_ = np.argsort(self.aligned_.losses_, kind="stable")

    def _logit(self, X: Array) -> Array:
        aligned = self.aligned_.transform(X)[:, self.order_]
        first = np.argmin(np.isnan(aligned), axis=1)
        chosen = aligned[np.arange(len(X)), first]
        return np.where(np.isnan(chosen), 0.0, chosen)


def greedy_selection(probability: Array, y: Array, rounds: int) -> tuple[list[int], list[float]]:
    """Forward selection with replacement (Caruana et al., ICML 2004).

    Adds in each round the column whose addition gives the mean of probabilities its lowest log
    loss; ties go to the first.

    Args:
        probability: (n, k) probabilities of class 1.
        y: (n,) labels, 0.0 or 1.0.

    Returns:
        The picked columns in order and the log loss after each pick.

    Examples:
        >>> import numpy as np
        >>> from stacking import greedy_selection
        >>> y = np.array([0.0, 1.0, 1.0])
        >>> probability = np.array([[0.2, 0.5], [0.8, 0.5], [0.9, 0.5]])
        >>> picked, losses = greedy_selection(probability, y, rounds=2)
        >>> picked
        [0, 0]
    """
    p = np.clip(probability, _EDGE, 1 - _EDGE)
    right = np.where(y[:, None] > 0.5, p, 1.0 - p)  # probability of what was true
    total = np.zeros(len(y))
    picked: list[int] = []
    trajectory: list[float] = []
    while len(picked) < rounds:
        candidates = (total[:, None] + right) / (len(picked) + 1)
        losses = -np.log(candidates).mean(axis=0)
        best = int(np.argmin(losses))
        picked.append(best)
        trajectory.append(float(losses[best]))
        total += right[:, best]
    return picked, trajectory


class GreedyLearner(MetaLearner):
    """Caruana's ensemble selection over the aligned detectors.

    The weights are the pick counts up to the lowest point of the trajectory.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import GreedyLearner
        >>> fitted = GreedyLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    uses_statistics = False
    least_to_calibrate = LEAST_TO_CALIBRATE
    ROUNDS: ClassVar[int] = 40

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self.aligned_ = AlignedScores().fit(X, y)
        aligned = self.aligned_.transform(X)
        probability = expit(np.where(np.isnan(aligned), np.log(y.mean() / (1 - y.mean())), aligned))
        picked, trajectory = greedy_selection(probability, y, self.ROUNDS)
        best = int(np.argmin(trajectory)) + 1
        weights = np.zeros(X.shape[1])
        np.add.at(weights, picked[:best], 1.0 / best)
        self.weights_ = weights / weights.sum()
        self.prior_ = float(y.mean())

    def _logit(self, X: Array) -> Array:
        aligned = self.aligned_.transform(X)
        known = ~np.isnan(aligned)
        weight = known * self.weights_
        total = weight.sum(axis=1)
        mean = (weight * expit(np.where(known, aligned, 0.0))).sum(axis=1)
        blended = np.where(total > 0, mean / np.where(total > 0, total, 1.0), self.prior_)
        return to_bounded_logit(blended)
