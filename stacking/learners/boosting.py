"""XGBoost as a meta-learner: shallow, slow trees, their number chosen out of fold."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from calibration.measures.scores import log_loss_of_logits
from predictions.threads import one_openmp_thread
from stacking.features import Ranks
from stacking.inputs import Array, Codes, Rows
from stacking.learners.base import MetaLearner
from stacking.solvers import smoothed_logit

_LARGEST = float(np.finfo(np.float32).max)


class XGBoostLearner(MetaLearner):
    """Gradient-boosted trees on the scores as they are (missing ones stay missing).

    Trees are shallow and slow. How many are kept (one of `ROUNDS`), and on few rows whether a score
    may only ever speak in its own direction (a monotone model), are chosen by out-of-fold log loss.
    Training uses one thread, so that the trees do not depend on the number of cores; the model is
    kept as XGBoost's own bytes.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import XGBoostLearner
        >>> fitted = XGBoostLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    ROUNDS: ClassVar[tuple[int, ...]] = (10, 20, 35, 50, 75, 100, 125, 150, 200, 250, 300, 400)
    #: Steps of `ROUNDS` without a lower loss, after which no further trees are grown.
    PATIENCE: ClassVar[int] = 2
    #: Rows up to which monotone trees are tried.
    MONOTONE_ROWS: ClassVar[int] = 5000

    def _settings(self, X: Array, y: Array, leaf: float, monotone: bool) -> dict[str, Any]:
        settings = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_bin": 128,
            "max_depth": 3,
            "eta": 0.1,
            "subsample": 0.8,
            "colsample_bynode": 0.8,
            "min_child_weight": leaf,
            "lambda": 5.0 if leaf < 5 else 1.0,
            "base_score": float(np.clip(y.mean(), 1e-4, 1 - 1e-4)),
            "seed": self.seed,
            # Else each tree draws on from what another booster drew last.
            "seed_per_iteration": True,
            "nthread": 1,
            "verbosity": 0,
        }
        if monotone:
            settings["monotone_constraints"] = tuple(int(sign) for sign in directions(X, y))
        return settings

    def _fit_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        # Least evidence in a leaf, and whether monotone.
        choices = [(10.0, False), (5.0, True)] if len(y) <= self.MONOTONE_ROWS else [(1.0, False)]
        parts = [folds == fold for fold in np.unique(folds)]
        (self.leaf_, self.monotone_), self.rounds_ = choices[0], self.ROUNDS[0]
        logit, least = np.zeros(len(y)), np.inf
        for leaf, monotone in choices if len(parts) > 1 else []:
            for rounds, held_out, loss in self._grown(X, y, parts, leaf, monotone):
                if loss < least:
                    logit, least = held_out, loss
                    self.leaf_, self.monotone_, self.rounds_ = leaf, monotone, rounds
        trees = _Trees(X, y, self._settings(X, y, self.leaf_, self.monotone_), X[:0])
        trees.grow(self.rounds_)
        self.model_ = bytes(trees.model.save_raw("ubj"))
        return logit

    def _grown(
        self, X: Array, y: Array, parts: list[Rows], leaf: float, monotone: bool
    ) -> Iterator[tuple[int, Array, float]]:
        """Numbers of rounds, the logits (n,) of trees that did not see a row's part, their loss.

        The trees of all parts grow together, until the loss has not fallen for `PATIENCE` steps.
        """
        grown = []
        for held in parts:
            taught, labels = X[~held], y[~held]
            trees: _Trees | None = None  # where one class is left to learn from
            if labels.min() < labels.max():
                settings = self._settings(taught, labels, leaf, monotone)
                trees = _Trees(taught, labels, settings, X[held])
            grown.append((held, trees, smoothed_logit(labels)))
        least, waited = np.inf, 0
        for rounds in self.ROUNDS:
            logit = np.zeros(len(y))
            for held, trees, constant in grown:
                logit[held] = constant if trees is None else trees.grow(rounds)
            loss = float(log_loss_of_logits(y, logit).mean())
            yield rounds, logit, loss
            waited = 0 if loss < least else waited + 1
            least = min(least, loss)
            if waited == self.PATIENCE:
                return

    def _logit(self, X: Array) -> Array:
        import xgboost

        # What reads a model takes as many threads as it may, whatever it is told.
        with one_openmp_thread():
            model = xgboost.Booster({"nthread": 1})
            model.load_model(bytearray(self.model_))
            return _margin(model, matrix_of(X), (0, self.rounds_))


class _Trees:
    """Boosted trees on X (n, k) that can be grown further, and what they say of new rows (m, k)."""

    def __init__(self, X: Array, y: Array, settings: dict[str, Any], new: Array) -> None:
        import xgboost

        # Not `xgboost.train`, which writes the model out and reads it again at its end.
        self.rows, self.new = matrix_of(X, y), matrix_of(new)
        self.model = xgboost.Booster(settings, [self.rows])
        self.rounds = 0

    def grow(self, rounds: int) -> Array:
        """Logits (m,) of the new rows once there are this many trees."""
        before, self.rounds = self.rounds, rounds
        for i in range(before, rounds):
            self.model.update(self.rows, i)
        margin = _margin(self.model, self.new, (before, rounds))
        # The next trees go on from here, so that none is asked twice.
        self.new.set_base_margin(margin)
        return margin


def directions(X: Array, y: Array) -> Array:
    """+1, -1 or 0 a column: whether higher values go with class 1, by their mean rank."""
    ranks = Ranks().fit(X).transform(X)
    return np.sign(np.round((y - y.mean()) @ ranks / len(y), 12))


def matrix_of(X: Array, y: Array | None = None, weight: Array | None = None) -> Any:
    """Rows as XGBoost takes them, with labels and weights (n,) where they teach."""
    import xgboost

    # XGBoost refuses what becomes infinite in its float32.
    inside = np.clip(X, -_LARGEST, _LARGEST).astype(np.float32)
    return xgboost.DMatrix(inside, label=y, weight=weight, nthread=1)


def _margin(model: Any, matrix: Any, rounds: tuple[int, int]) -> Array:
    """Logits (n,) by the trees of these rounds, from the first to before the last."""
    margin = model.predict(matrix, output_margin=True, iteration_range=rounds)
    return np.asarray(margin, dtype=np.float64)
