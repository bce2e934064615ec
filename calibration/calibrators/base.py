"""What every calibrator shares: scikit-learn's conventions around one map of logits to logits."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from calibration.inputs import Codes, Floats, binary_targets, check_weight
from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.logits import LARGEST_SCORE
from predictions.order import row_order

_TIE = 1e-15

#: Below this size a logit is 0: its square would vanish, and no probability differs.
_SMALLEST = 1e-100


class Calibrator(ClassifierMixin, BaseEstimator):
    """A binary calibrator: one score a row in, a better probability of FAKE out.

    A scikit-learn classifier whose X is one column of logits, (n, 1) or a pandas Series; make
    probabilities logits with `predictions.to_logit`. scikit-learn's conventions forbid a plain
    array (n,) there: `fit_logits` and `map_logits` take it. Several columns (n, k) are k scores of
    the same rows, such as those of the folds' models, and their mean logit is calibrated; REAL and
    FAKE side by side, as predict_proba gives them, are refused. Of two labels the greater one
    (1 = FAKE) is the one whose probability is meant.
    `decision_function` gives the calibrated logit, (n,), `predict_proba` the probabilities of
    both labels, (n, 2), REAL first.

    A subclass gives `_fit_map(z, t, w)` and `_map(z)`; both see float64 of shape (n,), finite
    logits, targets 0 and 1 with both present, and positive weights.

    Attributes:
        classes_: the two labels, sorted, (2,).
        n_features_in_: columns of X.

    Raises:
        InputError: one label only, the words REAL and FAKE as labels, REAL and FAKE side by side,
            NaN, infinite or enormous X, negative or all-zero weights.
        ValueError: text, no rows, more than two labels (scikit-learn's messages).

    Examples:
        >>> import numpy as np
        >>> from calibration import Calibrator
        >>> class Halved(Calibrator):
        ...     def _fit_map(self, z, t, w):
        ...         self.factor_ = 0.5
        ...     def _map(self, z):
        ...         return self.factor_ * np.asarray(z)
        >>> Halved().fit_logits([-1.0, 1.0], [0, 1]).map_logits([2.0]).tolist()
        [1.0]
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the map from scores and labels (n,); a weight of 2 is the row given twice.

        The order of the rows changes nothing.
        """
        z, t, w, _ = self._check_fit(X, y, sample_weight)
        self._fit_map(z, t, w)
        return self

    def _check_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None = None,
    ) -> tuple[Floats, Floats, Floats, Codes | None]:
        """Logits, targets, weights and groups of the rows that count, in one order of the rows."""
        if y is None:
            # scikit-learn's words, which its checks look for.
            raise InputError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        z = self._logits(X, reset=True)
        t, self.classes_ = binary_targets(y, len(z))
        w = check_weight(sample_weight, len(z))
        codes = None if groups is None else group_codes(groups, len(z), sort=True)
        rows = row_order(z, t, w, *([] if codes is None else [codes]))
        rows = rows[w[rows] > 0]
        z, t, w = z[rows], t[rows], w[rows]
        if t.min() == t.max():
            raise InputError(
                "the rows to calibrate on have one class only",
                remedy="give rows of both REAL and FAKE",
            )
        return z, t, w, None if codes is None else codes[rows]

    def fit_logits(
        self, z: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn the map from logits (n,) and labels (n,)."""
        return self.fit(np.asarray(z, dtype=np.float64)[:, None], y, sample_weight)

    def map_logits(self, z: ArrayLike) -> Floats:
        """Calibrated logits of logits, (n,) -> (n,)."""
        check_is_fitted(self)
        return self._map(np.asarray(z, dtype=np.float64))

    def parameters(self) -> dict[str, float]:
        """The numbers that a fitted map is made of, by name; none of a map made of many."""
        return {
            name.removesuffix("_"): float(value)
            for name, value in vars(self).items()
            if name.endswith("_") and isinstance(value, float)
        }

    def decision_function(self, X: ArrayLike) -> Floats:
        """Calibrated logits of FAKE, (n,)."""
        check_is_fitted(self)
        logits = self._map(self._logits(X, reset=False))
        # Too near 0 for a probability to tell from 1/2: neither label is called by rounding.
        return np.where(np.abs(logits) < _TIE, 0.0, logits)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Calibrated probabilities, (n, 2): REAL, FAKE."""
        logit = self.decision_function(X)
        return np.column_stack([expit(-logit), expit(logit)])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The label called, (n,): FAKE where its calibrated probability is over 0.5."""
        logits = self.decision_function(X)
        called: NDArray[Any] = self.classes_[(logits > 0).astype(np.intp)]
        return called

    def _logits(self, X: Any, *, reset: bool) -> Floats:
        """X as one column of usable logits, (n,)."""
        if isinstance(X, pd.Series):
            X = X.to_frame()
        values: Floats = validate_data(
            self, X, reset=reset, dtype=np.float64, ensure_all_finite=False
        )
        logits = _usable_logits(values)
        if logits.shape[1] == 1:
            return logits[:, 0]
        _refuse_both_classes(logits)
        return np.asarray(logits.mean(axis=1))

    def _fit_map(self, z: Floats, t: Floats, w: Floats) -> None:
        raise NotImplementedError

    def _map(self, z: Floats) -> Floats:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        # It corrects a score, it does not learn a classifier of several features.
        tags.classifier_tags.poor_score = True
        return tags


def _usable_logits(values: Floats) -> Floats:
    """Logits whose squares are numbers: the vanishing ones as 0.

    Raises:
        InputError: a value that is missing, infinite, or of a size that no logit has.
    """
    size = np.abs(values)
    if not (size <= LARGEST_SCORE).all():
        row, column = np.argwhere(~(size <= LARGEST_SCORE))[0]
        value = values[row, column]
        raise InputError(
            f"a score to calibrate is {'NaN' if np.isnan(value) else f'{value:g}'}",
            row=int(row) + 1,
            expected=f"a finite number of at most {LARGEST_SCORE:g} in size",
            remedy="leave the row out, or bound it (to_logit takes exact probabilities 0 and 1)",
        )
    vanishing = (size < _SMALLEST) & (size > 0)
    return np.where(vanishing, 0.0, values) if vanishing.any() else values


def _refuse_both_classes(logits: Floats) -> None:
    """Refuse REAL and FAKE side by side, whose mean would say nothing.

    Raises:
        InputError: two columns that are p and 1 - p, their logarithms or their logits.
    """
    if logits.shape[1] != 2 or not logits.any():
        return
    mirrored = np.allclose(logits[:, 0], -logits[:, 1])
    logarithms = bool((logits <= 0).all()) and np.allclose(np.logaddexp(*logits.T), 0, atol=1e-5)
    shares = bool((logits >= 0).all()) and np.allclose(logits.sum(axis=1), 1)
    if mirrored or logarithms or shares:
        raise InputError(
            "the two columns are one score seen from REAL and from FAKE",
            remedy="give FAKE's logit alone",
        )
