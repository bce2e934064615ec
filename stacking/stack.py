"""The stack: many detectors' scores in, one calibrated probability out."""

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from calibration import AutoCalibrator, check_bounds, create_calibrator
from calibration.measures.scores import log_loss_of_logits
from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.notes import NoteKind
from predictions.order import column_order, row_order
from predictions.threads import one_blas_thread
from predictions.words import count
from stacking.clipping import clip_note, learned_clip
from stacking.inner_folds import inner_folds, number_of_groups, rarer_groups
from stacking.inputs import (
    Array,
    Codes,
    Rows,
    checked_rows,
    checked_scores,
    is_score_column,
)
from stacking.registry import create_meta_learner
from stacking.sampling import rows_that_teach
from stacking.solvers import smoothed_logit

#: Rows of an even mixture with the overall share, in the answer for "nothing seen".
_NOTHING_SEEN = 10.0

#: Logits are kept this short, so that no probability rounds to 0 or 1.
_LONGEST = 36.0


FEW_ROWS = NoteKind(
    "stacking.few-rows", "Too few rows have a score: every row gets the share of fakes."
)

NOT_CALIBRATED = NoteKind(
    "calibration.none",
    "Calibration: none, because a label has {groups:group} only and fewer than {least} cannot "
    "tell how sure to be.",
)


AS_BEFORE = NoteKind(
    "stacking.as-before",
    lambda clipped: (
        "So what is called calibrated is the step before it"
        + (", clipped" if clipped else "")
        + "; out of fold, every fold chose for itself."
    ),
)


class Stack(ClassifierMixin, BaseEstimator):
    """Many scores to one probability: meta-learner, calibrator and clip, all learned inside fit.

    X is a DataFrame or matrix (n, k): a column a detector, logits or raw scores of any scale and
    direction, NaN where there is none. DataFrame columns named `MODEL:feature` are statistics of
    a video's frames, used by the meta-learners that can. y is 1 = FAKE, 0 = REAL. The calibrator
    and the clip are learned on inner out-of-fold logits of the meta-learner, groups kept whole.
    A row without any score gets the smoothed share of fakes among such rows. Of more than
    `sampling.MOST_ROWS` rows, so many are drawn to learn from. The order of the rows,
    of the columns of a DataFrame (by their names) and the names of the groups change nothing.

    Args:
        meta: a name in META_LEARNERS.
        calibration: "auto", "none", or a name in calibration.CALIBRATORS.
        clip: "auto", "none", or (low, high) probabilities.
        n_splits: inner folds; fewer where there are fewer groups.
        seed: decides everything that is drawn.
        n_jobs: how many processes fit candidates side by side (joblib).

    Attributes:
        classes_: the two labels, the second is the positive one.
        learner_: the fitted meta-learner. calibrator_: the fitted calibrator or None.
        clip_: (low, high) or None. nothing_seen_: logit for rows without any score.
        inner_log_loss_: of what is combined, out of fold on the inner folds and before the
            calibrator (nats a row); None where no inner fold could be made.
        notes_: what was decided inside fit.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from stacking import Stack
        >>> stack = Stack(meta="logistic").fit(X, y, groups=actor)
        >>> new = pd.DataFrame({"a": [-2.0, 4.0], "b": [-1.0, np.nan]})
        >>> stack.predict_stages(new)["calibrated"].round(1).tolist()
        [0.0, 1.0]
    """

    # fit takes groups wherever metadata routing brings them, without being asked to.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    def __init__(
        self,
        meta: str = "auto",
        calibration: str = "auto",
        clip: Literal["auto", "none"] | tuple[float, float] = "auto",
        n_splits: int = 5,
        seed: int = 0,
        n_jobs: int | None = 1,
    ) -> None:
        self.meta = meta
        self.calibration = calibration
        self.clip = clip
        self.n_splits = n_splits
        self.seed = seed
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Learn from scores X (n, k) and labels y (n,); rows of one group (n,) share a fold.

        Raises:
            InputError: settings that do not exist, one class or one group only, a row without a
                group, labels in the words REAL and FAKE, an infinite or enormous score.
            ValueError: (scikit-learn's words) more than two classes, textual scores, other lengths.
        """
        X, labels, self.classes_ = checked_rows(self, X, y)
        if labels.min() == labels.max():
            raise InputError(
                f"there is one class ({np.ravel(y)[0]}) in {count(len(labels), 'label')}",
                remedy="give rows of both REAL (0) and FAKE (1)",
            )
        group = group_codes(groups, len(labels), sort=True)
        if number_of_groups(group) < 2:
            raise InputError(
                f"there is one group of {count(len(X), 'row')}",
                remedy="give at least 2 groups to learn from",
            )
        names = list(getattr(self, "feature_names_in_", range(X.shape[1])))
        is_score = np.array([is_score_column(name) for name in names])
        if not is_score.any():
            raise InputError(
                "no column holds a detector's score, only MODEL:feature statistics",
                remedy="give the column MODEL too",
            )
        # Rows and columns in an order of their own; the groups by their first row in it.
        by_name = {name: place for place, name in enumerate(column_order(names))}
        self.order_ = np.lexsort((np.array([by_name[name] for name in names]), ~is_score))
        self.n_scores_ = int(is_score.sum())
        X = X[:, self.order_]
        rows = row_order(X, labels, group)
        part, self.notes_ = rows_that_teach(len(rows), self.seed)
        rows = rows[part]
        X, labels, group = X[rows], labels[rows], group_codes(group[rows], len(rows))
        with one_blas_thread():
            self._fit_checked(X, labels, group)
        return self

    def _fit_checked(self, X: Array, y: Array, group: Codes) -> None:
        seen = self._seen(X)
        self.nothing_seen_ = _nothing_seen(y, seen)
        self.inner_log_loss_: float | None = None
        learner = create_meta_learner(self.meta, self.seed, self.n_scores_)
        if "n_jobs" in learner.get_params():
            learner.set_params(n_jobs=self.n_jobs)
        self.learner_ = learner
        unseen = log_loss_of_logits(y[~seen], np.full((~seen).sum(), self.nothing_seen_))
        X, y, group = X[seen], y[seen], group[seen]
        if number_of_groups(group) < 2 or y.min() == y.max():
            learner.constant_ = self.nothing_seen_ if not len(y) else smoothed_logit(y)
            self.calibrator_, self.clip_ = None, self._fixed_clip()
            self.notes_.append(FEW_ROWS())
            return
        folds = inner_folds(y, group, self.n_splits, self.seed)
        out_of_fold = learner.fit_out_of_fold(X, y, group, folds)
        losses = np.concatenate([log_loss_of_logits(y, out_of_fold), unseen])
        self.inner_log_loss_ = float(losses.mean())
        self.notes_.extend(learner.notes())
        self.calibrator_ = self._fit_calibrator(out_of_fold, y, group)
        calibrated = self._calibrate(out_of_fold)
        self.clip_ = self._fixed_clip()
        short = np.clip(calibrated, -_LONGEST, _LONGEST)
        if self.clip == "auto":
            self.clip_ = learned_clip(expit(short), y, group)
        self.notes_.append(clip_note(self.clip_, expit(short), y))
        name = None if self.calibrator_ is None else getattr(self.calibrator_, "name_", "")
        if self.calibration == "auto" and name in (None, "identity"):
            self.notes_.append(AS_BEFORE(clipped=self.clip_ is not None))

    def _fixed_clip(self) -> tuple[float, float] | None:
        return None if isinstance(self.clip, str) else check_bounds(self.clip)

    def _fit_calibrator(self, logit: Array, y: Array, group: Codes) -> Any:
        if self.calibration == "none":
            return None
        if self.calibration == "auto":
            rarer = rarer_groups(y, group)
            least = self.learner_.least_to_calibrate
            if rarer < least:
                self.notes_.append(NOT_CALIBRATED(groups=rarer, least=least))
                return None
            chosen = AutoCalibrator(seed=self.seed).fit_logits(logit, y, groups=group)
            self.notes_.extend(chosen.notes_)
            return chosen
        return create_calibrator(self.calibration).fit_logits(logit, y)

    def _calibrate(self, logit: Array) -> Array:
        if self.calibrator_ is None:
            return logit
        return np.asarray(self.calibrator_.map_logits(logit))

    def _seen(self, X: Array) -> Rows:
        return np.asarray(~np.isnan(X[:, : self.n_scores_]).all(axis=1))

    def _in_order(self, X: Array) -> tuple[Array, Codes]:
        """Rows and columns of X (n, k) in the order of fit, and the place each row had."""
        X = X[:, self.order_]
        rows = row_order(X)
        return X[rows], np.argsort(rows)

    def _stages(self, X: Any) -> tuple[Array, Array]:
        """Probabilities (n,) of the positive class: stacked, calibrated."""
        check_is_fitted(self)
        X, back = self._in_order(checked_scores(self, X))
        seen = self._seen(X)
        stacked = np.full(len(X), self.nothing_seen_)
        calibrated = stacked.copy()
        if seen.any():
            with one_blas_thread():
                stacked[seen] = self.learner_.predict_logit(X[seen])
            calibrated[seen] = self._calibrate(stacked[seen])
        stacked = np.clip(stacked, -_LONGEST, _LONGEST)
        probability = expit(np.clip(calibrated, -_LONGEST, _LONGEST))
        if self.clip_ is not None:
            probability = np.clip(probability, *self.clip_)
        return expit(stacked)[back], probability[back]

    def predict_stages(self, X: Any) -> pd.DataFrame:
        """Probabilities of FAKE after each stage: columns `stacked`, `calibrated`; index of X."""
        stacked, calibrated = self._stages(X)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame({"stacked": stacked, "calibrated": calibrated}, index=index)

    def predict_proba(self, X: Any) -> Array:
        """Calibrated, clipped probabilities (n, 2), in the order of `classes_`."""
        calibrated = self._stages(X)[1]
        return np.column_stack([1.0 - calibrated, calibrated])

    def predict(self, X: Any) -> NDArray[Any]:
        """The more probable class of each row, (n,)."""
        chosen = (self._stages(X)[1] > 0.5).astype(np.intp)
        return np.asarray(self.classes_[chosen])

    def align(self, X: pd.DataFrame) -> pd.DataFrame:
        """The columns of X that the stack was fitted on, in that order.

        Raises:
            InputError: one of them is missing.
        """
        check_is_fitted(self)
        names = list(getattr(self, "feature_names_in_", []))
        missing = [name for name in names if name not in X.columns]
        if missing:
            raise InputError(
                f"the scores lack {', '.join(map(str, missing))}, which the stack was fitted on",
                remedy=f"give a column for each of {', '.join(map(str, names))}",
            )
        return X[names]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags


def _nothing_seen(y: Array, seen: Rows) -> float:
    """Logit of the share of ones where nothing is seen, smoothed towards the share of all."""
    overall = (y.sum() + 0.5) / (len(y) + 1.0)
    there = y[~seen]
    share = (there.sum() + _NOTHING_SEEN * overall) / (len(there) + _NOTHING_SEEN)
    return float(np.log(share) - np.log1p(-share))
