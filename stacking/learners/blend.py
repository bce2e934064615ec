"""`auto`: a convex blend of meta-learners, its weights learned from their out-of-fold logits."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax

from calibration import standard_error
from calibration.measures.scores import log_loss_of_logits
from predictions.notes import Note, NoteKind
from predictions.parallel import side_by_side
from stacking.inner_folds import number_of_groups, too_few_to_choose
from stacking.inputs import Array, Codes
from stacking.learners.averages import BestLearner, MeanLogitLearner
from stacking.learners.base import MetaLearner
from stacking.learners.boosting import XGBoostLearner
from stacking.learners.linear import (
    LogisticLearner,
    NonNegativeLearner,
    PairsLearner,
    ShrunkLearner,
    SplineLearner,
)
from stacking.learners.mlp import NetworkLearner

#: Beyond this many detectors the products of pairs are more columns than rows can feed.
MOST_FOR_PAIRS = 20

#: Beyond this many detectors, members whose time grows fastest with them are not tried.
MOST_FOR_ALL_MEMBERS = 100

#: Standard errors behind the best at which a member no longer takes part.
WORSE = 4.0


def _sentence(weights: dict[str, float]) -> str:
    shares = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    return f"Meta-learner: a blend of {shares}."


#: The `weights` of the members by name.
BLENDED = NoteKind("stacking.blend", _sentence)

TOO_WIDE = NoteKind(
    "stacking.too-wide",
    "Meta-learner: of {detectors} detectors (over {most}), nonneg and xgboost are not tried, which "
    "would take most of the time.",
)


def blend_weights(logits: Array, y: Array, strength: float) -> Array:
    """Weights (m,) >= 0 of sum 1 whose blend of logits (n, m) has the least penalised log loss.

    The penalty -strength / (n m) * sum log w_i is a Dirichlet prior around equal weights: with few
    rows the blend stays near the plain mean of its members, with many the data decide.

    Examples:
        >>> import numpy as np
        >>> from stacking import blend_weights
        >>> y = np.array([0.0, 1.0] * 50)
        >>> logits = np.column_stack([4 * y - 2, 0 * y])  # one that knows, one that doesn't
        >>> blend_weights(logits, y, strength=1.0).round(1).tolist()
        [1.0, 0.0]
    """
    n, m = logits.shape
    if m == 1:
        return np.ones(1)
    pull = strength / (n * m)

    def objective(free: Array) -> tuple[float, Array]:
        w = softmax(free)
        blended = logits @ w
        slope = (expit(blended) - y) @ logits / n
        value = log_loss_of_logits(y, blended).mean() - pull * np.log(np.maximum(w, 1e-300)).sum()
        return float(value), w * (slope - w @ slope) - pull * (1.0 - m * w)

    answer = minimize(
        objective, np.zeros(m), jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-12}
    )
    return np.asarray(softmax(answer.x))


def plausible_members(logits: Array, y: Array, groups: Codes) -> NDArray[np.bool_]:
    """Members (m,) not worse than the best by over `WORSE` standard errors (paired, by group)."""
    gaps = _gaps_to_best(logits, y)
    errors = np.array([standard_error(gap, groups) for gap in gaps.T])
    return np.asarray(gaps.mean(axis=0) <= WORSE * errors + 1e-12)


def rows_that_count_once(logits: Array, y: Array, groups: Codes) -> float:
    """How many rows tell as much as one independent row: the design effect, 1 or more.

    Rows of one group resemble each other. The variance of the mean gap between a member and the
    best one is taken over groups and over rows; the ratio (Kish 1965) is at most the number of
    rows a group. Of the members (n, m) the middle one counts.
    """
    gaps = _gaps_to_best(logits, y)
    ratios = [
        standard_error(gap, groups) ** 2 / (gap.var() / len(y)) for gap in gaps.T if gap.any()
    ]
    most = len(y) / number_of_groups(groups)
    return float(np.clip(np.median(ratios), 1.0, most)) if ratios else 1.0


def _gaps_to_best(logits: Array, y: Array) -> Array:
    """Log loss of each row and member (n, m) less that of the member with the least mean."""
    losses = log_loss_of_logits(y[:, None], logits)
    return np.asarray(losses - losses[:, [int(np.argmin(losses.mean(axis=0)))]])


class AutoLearner(MetaLearner):
    """A convex blend of the other meta-learners' logits, decided by their out-of-fold log loss.

    Which members take part depends on the number of rows and detectors; what each is worth is
    learned. Members with less than `LEAST` of the weight are left out. With fewer than
    `LEAST_TO_CHOOSE` groups the mean of logits is all there is: nothing could tell others apart.

    Attributes:
        weights_: of the members by name. members_: fitted, by name.
        candidates_: all that were fitted, by name; a saved stack has them no more.
    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 100)
        >>> X = y[:, None] * [2.0, 1.0] + rng.normal(size=(100, 2))  # logits of two detectors
        >>> from stacking import AutoLearner
        >>> fitted = AutoLearner().fit(X, y)
        >>> fitted.predict([[-1.0, 0.0], [3.0, 2.0]]).tolist()
        [0, 1]
    """

    LEAST: ClassVar[float] = 0.03
    #: Of the pull to equal weights, see `blend_weights`.
    STRENGTH: ClassVar[float] = 2.0

    def __init__(
        self,
        n_scores: int | None = None,
        seed: int = 0,
        n_jobs: int | None = 1,
    ) -> None:
        super().__init__(n_scores, seed)
        self.n_jobs = n_jobs

    def _candidates(self, n: int, k: int, few: bool) -> dict[str, MetaLearner]:
        shared: dict[str, Any] = {"n_scores": self.n_scores, "seed": self.seed}
        chosen: dict[str, MetaLearner] = {"mean_logit": MeanLogitLearner(**shared)}
        if few:
            return chosen
        if k > 1:
            chosen["best"] = BestLearner(**shared)
            chosen["shrunk"] = ShrunkLearner(**shared)
        if 1 < k <= MOST_FOR_ALL_MEMBERS:
            chosen["nonneg"] = NonNegativeLearner(**shared)
        chosen["logistic"] = LogisticLearner(**shared)
        chosen["splines"] = SplineLearner(**shared)
        if k <= MOST_FOR_ALL_MEMBERS:
            chosen["xgboost"] = XGBoostLearner(**shared)
        if 1 < k <= MOST_FOR_PAIRS and n >= 1000:
            chosen["pairs"] = PairsLearner(**shared)
        if n >= 2000:
            chosen["mlp"] = NetworkLearner(**shared)
        return chosen

    def _fit_out_of_fold(self, X: Array, y: Array, groups: Codes, folds: Codes) -> Array:
        k = X.shape[1] if self.n_scores is None else self.n_scores
        candidates = self._candidates(len(y), k, too_few_to_choose(groups))
        work = [(learner, X, y, groups, folds) for learner in candidates.values()]
        fitted = list(side_by_side(_fit_one, work, self.n_jobs))
        logits = np.column_stack([logit for _, logit in fitted])
        names = list(candidates)
        taking_part = plausible_members(logits, y, groups)
        alike = rows_that_count_once(logits[:, taking_part], y, groups)
        weights = np.zeros(len(names))
        weights[taking_part] = blend_weights(logits[:, taking_part], y, self.STRENGTH * alike)
        weights[weights < self.LEAST] = 0.0
        weights /= weights.sum()
        self.detectors_ = k
        self.candidates_ = {name: learner for name, (learner, _) in zip(names, fitted, strict=True)}
        self.weights_ = {
            name: float(w) for name, w in zip(candidates, weights, strict=True) if w > 0
        }
        self.members_ = {name: self.candidates_[name] for name in self.weights_}
        return np.asarray(logits @ weights)

    def notes(self) -> list[Note]:
        """What is blended; nothing where there was nothing to blend."""
        if self.constant_ is not None:
            return []
        notes = [BLENDED(weights=self.weights_)]
        if self.detectors_ > MOST_FOR_ALL_MEMBERS:
            notes.append(TOO_WIDE(detectors=self.detectors_, most=MOST_FOR_ALL_MEMBERS))
        return notes

    def _logit(self, X: Array) -> Array:
        total = np.zeros(len(X))
        for name, weight in self.weights_.items():
            total += weight * self.members_[name].predict_logit(X)
        return total


def _fit_one(
    learner: MetaLearner, X: Array, y: Array, groups: Codes, folds: Codes
) -> tuple[MetaLearner, Array]:
    return learner, learner.fit_out_of_fold(X, y, groups, folds)
