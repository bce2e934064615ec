"""XGBoost as a meta-learner: shallow, slow trees, their number chosen out of fold."""

from typing import Any, ClassVar

import numpy as np

from calibration.measures.scores import log_loss_of_logits
from predictions.threads import one_openmp_thread
from stacking.features import Ranks
from stacking.inputs import Array, Codes
from stacking.learners.base import MetaLearner
from stacking.solvers import smoothed_logit

_LARGEST = float(np.finfo(np.float32).max)


class XGBoostLearner(MetaLearner):
    """Gradient-boosted trees on the scores as they are (missing ones stay missing).

    Trees are shallow and slow. How many are kept (one of `ROUNDS`), how much evidence a leaf needs,
    and on few rows whether a score may only ever speak in its own direction (a monotone model),
    are chosen by out-of-fold log loss. Training uses one thread, so that the trees do not depend
    on the number of cores; the model is kept as XGBoost's own bytes.

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

    ROUNDS: ClassVar[tuple[int, ...]] = (20, 40, 70, 100, 150, 200, 250, 300, 400)
    #: Rows up to which monotone trees are tried.
    MONOTONE_ROWS: ClassVar[int] = 5000

    def _boost(self, X: Array, y: Array, rounds: int, leaf: float, monotone: bool) -> Any:
        import xgboost

        settings = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_bin": 128,
            "max_depth": 3,
            "eta": 0.05,
            "subsample": 0.8,
            "colsample_bynode": 0.8,
            "min_child_weight": leaf,
            "lambda": 5.0 if leaf < 5 else 1.0,
            "base_score": float(np.clip(y.mean(), 1e-4, 1 - 1e-4)),
            "seed": self.seed,
            "nthread": 1,
            "verbosity": 0,
        }
        if monotone:
            settings["monotone_constraints"] = tuple(int(sign) for sign in directions(X, y))
        # Not `xgboost.train`, which writes the model out and reads it again at its end.
        rows = matrix_of(X, y)
        model = xgboost.Booster(settings, [rows])
        for i in range(rounds):
            model.update(rows, i)
        return model

    def _fit_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        names = np.unique(folds)
        choices = [(1.0, False), (10.0, False)]
        if len(y) <= self.MONOTONE_ROWS:
            choices.append((5.0, True))
        logits = np.zeros((len(choices), len(self.ROUNDS), len(y)))
        choice, best = 0, 0
        if len(names) > 1:
            for i, (leaf, monotone) in enumerate(choices):
                for fold in names:
                    held = folds == fold
                    logits[i][:, held] = self._staged(X[~held], y[~held], X[held], leaf, monotone)
            losses = log_loss_of_logits(y, logits).mean(axis=2)
            choice, best = (int(i) for i in np.unravel_index(np.argmin(losses), losses.shape))
        self.leaf_, self.monotone_ = choices[choice]
        self.rounds_ = self.ROUNDS[best]
        model = self._boost(X, y, self.rounds_, self.leaf_, self.monotone_)
        self.model_ = bytes(model.save_raw("ubj"))
        return np.asarray(logits[choice, best])

    def _staged(self, X: Array, y: Array, seen: Array, leaf: float, monotone: bool) -> Array:
        """Logits (rounds, seen) after each of ROUNDS."""
        if y.min() == y.max():
            return np.full((len(self.ROUNDS), len(seen)), smoothed_logit(y))
        model = self._boost(X, y, self.ROUNDS[-1], leaf, monotone)
        matrix = matrix_of(seen)
        return np.stack([_margin(model, matrix, rounds) for rounds in self.ROUNDS])

    def _logit(self, X: Array) -> Array:
        import xgboost

        # What reads a model takes as many threads as it may, whatever it is told.
        with one_openmp_thread():
            model = xgboost.Booster({"nthread": 1})
            model.load_model(bytearray(self.model_))
            return _margin(model, matrix_of(X), self.rounds_)


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


def _margin(model: Any, matrix: Any, rounds: int) -> Array:
    margin = model.predict(matrix, output_margin=True, iteration_range=(0, rounds))
    return np.asarray(margin, dtype=np.float64)
