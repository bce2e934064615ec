"""The interface of every meta-learner: many scores in, one logit out."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from predictions.groups import group_codes
from predictions.notes import Note
from stacking.inner_folds import LEAST_TO_CALIBRATE_AGAIN, N_SPLITS, inner_folds
from stacking.inputs import Array, Codes, checked_rows, checked_scores
from stacking.solvers import smoothed_logit

#: Rows that are answered at once: the features of a million are gigabytes.
_BLOCK = 100_000


class MetaLearner(ClassifierMixin, BaseEstimator):
    """Base of the meta-learners, a scikit-learn classifier of two classes.

    X is (n, k) logits or raw scores, NaN where a detector has none. The first `n_scores` columns
    are the detectors' scores (None: all), the rest are statistics of their frames, which only
    learners with `uses_statistics` look at. Class 1 of `classes_` is the positive one (FAKE).

    A learner implements `_fit` and `_logit` on plain arrays; one that can give its out-of-fold
    logits cheaper than by fitting once a fold implements `_fit_out_of_fold` instead of `_fit`.

    Examples:
        >>> import numpy as np
        >>> from stacking import MetaLearner
        >>> class Highest(MetaLearner):
        ...     def _fit(self, X, y, groups):
        ...         self.shift_ = float(np.mean(y) - 0.5)
        ...     def _logit(self, X):
        ...         return np.nanmax(X, axis=1) + self.shift_
        >>> fitted = Highest().fit([[-1.0, 0.0], [3.0, 2.0]], [0, 1])
        >>> fitted.predict_proba([[-2.0, 0.0]]).tolist()
        [[0.5, 0.5]]
    """

    # fit takes groups wherever metadata routing brings them, without being asked to.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    uses_statistics: ClassVar[bool] = True
    #: Groups of the rarer label below which *auto* leaves the logits as they are.
    least_to_calibrate: ClassVar[int] = LEAST_TO_CALIBRATE_AGAIN

    n_scores: int | None
    seed: int

    def __init__(self, n_scores: int | None = None, seed: int = 0) -> None:
        self.n_scores = n_scores
        self.seed = seed

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn from X (n, k) and two classes y (n,); rows of one group stay in one inner fold.

        Raises:
            InputError: a score that is infinite or over 1e100 in size, or a row without a group.
            ValueError: not exactly two classes, or X is no matrix of numbers.
        """
        X, labels, codes = self._checked(X, y, groups)
        self._train(X, labels, codes)
        return self

    def decision_function(self, X: Any) -> Array:
        """Logit of the positive class, (n,)."""
        check_is_fitted(self)
        return self.predict_logit(checked_scores(self, X))

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, 2), in the order of `classes_`."""
        logit = self.decision_function(X)
        return np.column_stack([expit(-logit), expit(logit)])

    def predict(self, X: Any) -> NDArray[Any]:
        """The more probable class of each row, (n,)."""
        chosen = (self.decision_function(X) > 0).astype(np.intp)
        return np.asarray(self.classes_[chosen])

    def notes(self) -> list[Note]:
        """What was decided inside fit."""
        return []

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _checked(self, X: Any, y: Any, groups: Any) -> tuple[Array, Array, Codes]:
        X, labels, self.classes_ = checked_rows(self, X, y)
        if labels.min() == labels.max():
            raise ValueError(
                "Only binary classification is supported. The labels must hold two classes, "
                "got 1 class."
            )
        return X, labels, group_codes(groups, len(X), sort=True)

    # -- on plain arrays: X (n, k), y (n,) of 0.0 and 1.0, groups (n,) codes ------------------

    def fit_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        """Fit on all rows and return the logits (n,) of fits that did not see a row's fold."""
        self.constant_ = None if 0.0 < y.mean() < 1.0 else smoothed_logit(y)
        if self.constant_ is not None:
            return np.full(len(y), self.constant_)
        return self._fit_out_of_fold(self._columns(X), y, groups, folds)

    def predict_logit(self, X: Array) -> Array:
        """Logits (n,) of scores that are checked already."""
        if self.constant_ is not None:
            return np.full(len(X), self.constant_)
        X = self._columns(X)
        if len(X) <= _BLOCK:
            return self._logit(X)
        return np.concatenate([self._logit(X[i : i + _BLOCK]) for i in range(0, len(X), _BLOCK)])

    def _columns(self, X: Array) -> Array:
        """The columns this learner looks at."""
        return X if self.uses_statistics or self.n_scores is None else X[:, : self.n_scores]

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        self._fit_out_of_fold(X, y, groups, inner_folds(y, groups, N_SPLITS, self.seed))

    def _logit(self, X: Array) -> Array:
        raise NotImplementedError

    def _train(self, X: Array, y: Array, groups: Codes) -> None:
        self.constant_ = None if 0.0 < y.mean() < 1.0 else smoothed_logit(y)
        if self.constant_ is None:
            self._fit(self._columns(X), y, groups)

    def _fit_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        logit = np.zeros(len(y))
        for fold in np.unique(folds):
            held = folds == fold
            learner = clone(self)
            learner.n_scores = None if self.n_scores is None else min(self.n_scores, X.shape[1])
            learner._train(X[~held], y[~held], groups[~held])
            logit[held] = learner.predict_logit(X[held])
        self._fit(X, y, groups)
        return logit
