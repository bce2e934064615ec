"""Logistic meta-learners: ridge, shrunk to the mean, non-negative, on splines.

The penalty is chosen inside.
"""

from typing import Any, ClassVar

import numpy as np

from calibration.logistic import fit_logistic
from calibration.measures.scores import log_loss_of_logits
from stacking.features import SplineScores, TamedScores
from stacking.inputs import Array, Codes
from stacking.learners.averages import AlignedDeviations
from stacking.learners.base import MetaLearner
from stacking.solvers import INTERCEPT_PENALTY, Linear, RidgePaths, smoothed_logit


class PathLearner(MetaLearner):
    """A linear logit on learned features, its ridge penalty chosen by group cross-validation.

    The penalty is the one of `alphas` with the lowest out-of-fold log loss; it counts against the
    log loss summed over rows, on features of about unit spread.
    """

    alphas: ClassVar[tuple[float, ...]] = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)

    def _features(self) -> Any:
        raise NotImplementedError

    def _fit_features(self, X: Array, y: Array) -> tuple[Any, Array]:
        """Fitted features, and the features (n, m) of the same rows."""
        features = self._features()
        return features, features.fit_transform(X)

    def _path(
        self, X: Array, y: Array, alphas: tuple[float, ...], paths: RidgePaths
    ) -> list[Linear]:
        return paths.fit(X, y, alphas)

    def _fit_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        logits = np.zeros((len(self.alphas), len(y)))
        best = 0  # the strongest penalty, where there is nothing to choose by
        paths = RidgePaths()
        if folds.min() < folds.max():
            logits = self._held_out_path(X, y, folds, paths)
            best = int(np.argmin(log_loss_of_logits(y, logits).mean(axis=1)))
        self.alpha_ = self.alphas[best]
        self.features_, design = self._fit_features(X, y)
        path = self._path(design, y, self.alphas[best : best + 1], paths)
        self.linear_ = path[0]
        return np.asarray(logits[best])

    def _held_out_path(self, X: Array, y: Array, folds: Codes, paths: RidgePaths) -> Array:
        """Held-out logits (alphas, n)."""
        logits = np.zeros((len(self.alphas), len(y)))
        for fold in np.unique(folds):
            held = folds == fold
            features, design = self._fit_features(X[~held], y[~held])
            path = self._path(design, y[~held], self.alphas, paths)
            seen = features.transform(X[held])
            for i, linear in enumerate(path):
                logits[i, held] = linear(seen)
        return logits

    def _logit(self, X: Array) -> Array:
        return self.linear_(self.features_.transform(X))


class LogisticLearner(PathLearner):
    """Ridge logistic regression on the tamed scores, with indicators of missing ones.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import LogisticLearner
        >>> fitted = LogisticLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    alphas = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)

    def _features(self) -> TamedScores:
        return TamedScores()


class ShrunkLearner(PathLearner):
    """Logistic regression whose penalty pulls to the mean of logits instead of to nothing.

    Each detector is aligned by Platt's map first. What is penalised is how far the weights lie
    from equal ones: with few rows the answer is MeanLogitLearner's, with many it is the logistic
    regression's.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import ShrunkLearner
        >>> fitted = ShrunkLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    uses_statistics = False
    alphas = (3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)

    def _fit_features(self, X: Array, y: Array) -> tuple[AlignedDeviations, Array]:
        features = AlignedDeviations().fit(X, y)
        return features, features.transform(X)


class SplineLearner(PathLearner):
    """Additive ridge logistic regression on a piecewise-linear basis of each score.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import SplineLearner
        >>> fitted = SplineLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    pairs: ClassVar[bool] = False
    alphas = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)

    def _features(self) -> SplineScores:
        return SplineScores(self.n_scores, pairs=self.pairs)


class PairsLearner(SplineLearner):
    """The spline learner with the products of every two detectors' normal scores.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import PairsLearner
        >>> fitted = PairsLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    pairs = True


class NonNegativeLearner(PathLearner):
    """Logistic regression whose weights keep each detector's own direction.

    Columns are turned so that each one alone points to FAKE (its covariance with the label), then
    no weight may fall below zero: a detector can be ignored, never used against itself.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import NonNegativeLearner
        >>> fitted = NonNegativeLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    uses_statistics = False
    alphas = (100.0, 10.0, 1.0, 0.1)

    def _features(self) -> TamedScores:
        return TamedScores()

    def _path(
        self, X: Array, y: Array, alphas: tuple[float, ...], paths: RidgePaths
    ) -> list[Linear]:
        turn = np.where((y - y.mean()) @ X < 0, -1.0, 1.0)
        path = nonnegative_path(X * turn, y, alphas)
        return [Linear(one.intercept, one.coef * turn) for one in path]


def nonnegative_path(X: Array, y: Array, alphas: tuple[float, ...]) -> list[Linear]:
    """Minimisers of `ridge_path`'s objective with all weights >= 0 (the intercept is free)."""
    n, k = X.shape
    design = np.column_stack([X, np.ones(n)])
    lower = np.append(np.zeros(k), -np.inf)
    beta = np.append(np.zeros(k), smoothed_logit(y))
    answers = []
    for alpha in alphas:
        penalty = np.diag(np.append(np.full(k, alpha), INTERCEPT_PENALTY)) / n
        beta = fit_logistic(
            design, y, np.ones(n), penalty=penalty, lower=lower, start=beta, tolerance=1e-6
        )
        answers.append(Linear(float(beta[-1]), beta[:-1].copy()))
    return answers
