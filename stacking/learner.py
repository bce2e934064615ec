"""The interface of every meta-learner: many scores in, one logit out."""

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from predictions.errors import InputError
from stacking.inner_folds import inner_folds
from stacking.solvers import smoothed_logit

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


class MetaLearner(ClassifierMixin, BaseEstimator):
    """Base of the meta-learners, a scikit-learn classifier of two classes.

    X is (n, k) logits or raw scores, NaN where a detector has none. The first `n_scores` columns
    are the detectors' scores (None: all), the rest are statistics of their frames, which only
    learners with `uses_statistics` look at. Class 1 of `classes_` is the positive one (FAKE).

    A learner implements `_fit` and `_logit` on plain arrays; one that can give its out-of-fold
    logits cheaper than by fitting once a fold overrides `_fit_out_of_fold`.
    """

    # fit takes groups wherever metadata routing brings them, without being asked to.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    uses_statistics: ClassVar[bool] = True

    n_scores: int | None
    seed: int

    def __init__(self, n_scores: int | None = None, seed: int = 0) -> None:
        self.n_scores = n_scores
        self.seed = seed

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn from X (n, k) and two classes y (n,); rows of one group stay in one inner fold.

        Raises:
            ValueError: not exactly two classes, or X is not a finite (NaN allowed) matrix.
        """
        X, labels, codes = self._checked(X, y, groups)
        self._train(X, labels, codes)
        return self

    def decision_function(self, X: Any) -> Array:
        """Logit of the positive class, (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return self._predict_logit(X)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, 2), in the order of `classes_`."""
        logit = self.decision_function(X)
        return np.column_stack([expit(-logit), expit(logit)])

    def predict(self, X: Any) -> NDArray[Any]:
        """The more probable class of each row, (n,)."""
        chosen = (self.decision_function(X) > 0).astype(np.intp)
        return np.asarray(self.classes_[chosen])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _checked(self, X: Any, y: Any, groups: Any) -> tuple[Array, Array, Codes]:
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(
                "Only binary classification is supported. The labels must hold two classes, "
                f"got {len(self.classes_)} class(es)."
            )
        return X, labels.astype(np.float64), group_codes(groups, len(X))

    # -- on plain arrays: X (n, k), y (n,) of 0.0 and 1.0, groups (n,) codes ------------------

    def _columns(self, X: Array) -> Array:
        """The columns this learner looks at."""
        return X if self.uses_statistics or self.n_scores is None else X[:, : self.n_scores]

    def _fit(self, X: Array, y: Array, groups: Codes) -> None:
        raise NotImplementedError

    def _logit(self, X: Array) -> Array:
        raise NotImplementedError

    def _train(self, X: Array, y: Array, groups: Codes) -> None:
        self.constant_ = None if 0.0 < y.mean() < 1.0 else smoothed_logit(y)
        if self.constant_ is None:
            self._fit(self._columns(X), y, groups)

    def _predict_logit(self, X: Array) -> Array:
        if self.constant_ is not None:
            return np.full(len(X), self.constant_)
        return self._logit(self._columns(X))

    def _train_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        """Fit on all rows and return the logits (n,) of fits that did not see a row's fold."""
        self.constant_ = None if 0.0 < y.mean() < 1.0 else smoothed_logit(y)
        if self.constant_ is not None:
            return np.full(len(y), self.constant_)
        return self._fit_out_of_fold(self._columns(X), y, groups, folds)

    def _fit_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        logit = np.zeros(len(y))
        for fold in np.unique(folds):
            held = folds == fold
            learner = clone(self)
            learner.n_scores = None if self.n_scores is None else min(self.n_scores, X.shape[1])
            learner._train(X[~held], y[~held], groups[~held])
            logit[held] = learner._predict_logit(X[held])
        self._fit(X, y, groups)
        return logit


def group_codes(groups: Any, n: int) -> Codes:
    """Groups as codes 0..m-1 in sorted order; None makes every row its own group.

    Raises:
        InputError: a group is missing (they would all be one group).
        ValueError: not one group a row.
    """
    if groups is None:
        return np.arange(n)
    names = np.asarray(groups)
    if names.shape != (n,):
        raise ValueError(f"groups must hold one name a row: expected {n}, got {names.shape}.")
    missing = np.flatnonzero(pd.isna(names))
    if len(missing):
        raise InputError(
            f"row {missing[0]} has no group; give every row a group, its own if it stands alone."
        )
    if names.dtype == object:
        names = names.astype(str)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def default_folds(y: Array, groups: Codes, seed: int, n_splits: int = 5) -> Codes:
    """Inner folds for a learner that was called without any."""
    return inner_folds(y, groups, n_splits, seed)
