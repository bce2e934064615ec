"""Which rule makes a video's score of its frames' scores: compared out of fold, chosen inside.

Each rule is judged by what an L2-logistic combination of the detectors' video scores by that rule
costs on rows that taught it nothing. The default rule stays unless another is better by more than
one standard error of their paired difference.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from calibration.inputs import binary_targets
from calibration.measures.bootstrap import group_sums, mean_intervals
from predictions.errors import InputError
from predictions.folds import check_folds
from predictions.frame_rules import DEFAULT_RULE, by_rule, rules_of
from stacking.ensembles.recommend import paired_differences
from stacking.estimate.nested import check_labels
from stacking.features import TamedScores
from stacking.inner_folds import inner_folds
from stacking.learners.base import Array, Codes, group_codes
from stacking.solvers import log_losses, ridge_path
from stacking.stack import Stack, is_score_column

#: Penalty of the combination that judges the rules; alike for all, so that only they differ.
_PENALTY = 10.0


@dataclass(frozen=True)
class RuleChoice:
    """The rules, judged out of fold, and the one to take.

    Attributes:
        rule: from frames to track. over_tracks: from tracks to video.
        table: a row a rule: `rule`, `over_tracks`, `log_loss` (out of fold) with its 95 %
            group-bootstrap interval `low`, `high`, `difference` to the default rule and its
            `standard_error` (paired, over groups), `chosen`.
    """

    rule: str
    over_tracks: str
    table: pd.DataFrame

    @property
    def note(self) -> str:
        """The choice as a sentence."""
        chosen = self.table[self.table["chosen"]].iloc[0]
        best = self.table.iloc[int(self.table["log_loss"].argmin())]
        name = f"{self.rule}, {self.over_tracks} over tracks"
        if (self.rule, self.over_tracks) != DEFAULT_RULE:
            return (
                f"Frames: {name}, {-chosen['difference']:.4f} better out of fold than "
                f"{DEFAULT_RULE[0]} (one standard error is {chosen['standard_error']:.4f})."
            )
        return (
            f"Frames: {name}; the best rule ({best['rule']}, {best['over_tracks']}) is only "
            f"{max(0.0, -best['difference']):.4f} better out of fold, and one standard error is "
            f"{best['standard_error']:.4f}."
            if best["difference"] < 0
            else f"Frames: {name}; no rule is better out of fold."
        )


def compare_rules(
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    *,
    n_boot: int = 1000,
    seed: int = 0,
) -> RuleChoice:
    """Judge every frame rule of X on folds that taught nothing, and choose one.

    Args:
        X: (n, k) of `predictions.rule_table`, perhaps with other detectors' logits beside it.
        y: (n,) 1 = FAKE, 0 = REAL, none missing.
        groups: (n,) what is never split, or None when each row is its own.
        folds: (n,) fold of each row.
        n_boot: replicates behind the intervals; 0 leaves them out. seed: of the draws.

    Raises:
        InputError: labels other than 0 and 1, a split group, or one fold.
    """
    labels, codes, fold = check_labels(y, len(X)), group_codes(groups, len(X)), np.asarray(folds)
    check_folds(fold, codes)
    if len(np.unique(fold)) < 2:
        raise InputError("all rows lie in one fold; give at least 2 folds.")
    rules = rules_of(X.columns)
    losses = np.column_stack([_losses(scores_by(X, *rule), labels, fold) for rule in rules])
    sums = group_sums(losses, codes, int(codes.max()) + 1)
    counts = np.bincount(codes).astype(np.float64)
    difference, error = paired_differences(sums, counts, rules.index(DEFAULT_RULE))
    best = int(np.argmin(difference))
    chosen = best if difference[best] < -error[best] else rules.index(DEFAULT_RULE)
    table = pd.DataFrame(rules, columns=["rule", "over_tracks"]).assign(
        log_loss=losses.mean(axis=0),
        difference=difference,
        standard_error=error,
        chosen=np.arange(len(rules)) == chosen,
    )
    if n_boot:
        intervals = mean_intervals(sums, counts, n_boot=n_boot, seed=seed)
        table.insert(3, "low", [one.low for one in intervals])
        table.insert(4, "high", [one.high for one in intervals])
    return RuleChoice(*rules[chosen], table)


def choose_rule(
    X: pd.DataFrame, y: Array, groups: Codes, n_splits: int = 5, seed: int = 0
) -> RuleChoice | None:
    """The rule chosen on inner folds of these rows alone; None where nothing can be chosen."""
    if len(rules_of(X.columns)) < 2:
        return None
    folds = inner_folds(y, groups, n_splits, seed)
    if len(np.unique(folds)) < 2 or y.min() == y.max():
        return None
    return compare_rules(X, y, groups, folds, n_boot=0)


def scores_by(X: pd.DataFrame, rule: str, over_tracks: str) -> Array:
    """The detectors' scores (n, k), those of frames by one rule; without rules as they are."""
    table = by_rule(X, rule, over_tracks)
    return table[[name for name in table if is_score_column(name)]].to_numpy(np.float64)


def _losses(scores: Array, y: Array, folds: Any) -> Array:
    """Log loss of each row, (n,), under a combination of the other folds."""
    losses = np.zeros(len(y))
    with threadpool_limits(limits=1, user_api="blas"):
        for fold in np.unique(folds):
            held = folds == fold
            tamed = TamedScores().fit(scores[~held])
            linear = ridge_path(tamed.transform(scores[~held]), y[~held], (_PENALTY,))[0]
            losses[held] = log_losses(y[held], linear(tamed.transform(scores[held])))
    return losses


class FrameStack(Stack):
    """A stack on frame scores: the frame rule is chosen inside fit, then `stack` is fitted.

    X is a DataFrame (n, k) of `predictions.rule_table`, perhaps with other detectors' logits beside
    it. The rule is chosen by `choose_rule` on the rows of fit alone, so that outer folds judge the
    choice too; the meta-learner gets the scores by that rule and the distribution features. Where
    X holds no rules there is nothing to choose, and `stack` gets it as it is.

    Args:
        stack: what is fitted on the chosen scores; None: a `Stack` of this n_splits and seed.
        rule, over_tracks: "auto", or both by the names of `predictions.RULES`, `TRACK_RULES`.
        n_splits: inner folds. seed: of their draw. n_jobs: processes, handed on to `stack`.

    Attributes:
        stack_: the fitted plain Stack, to be saved; rule_, over_tracks_: what it takes of X;
        choice_: the RuleChoice, None where nothing was chosen; inner_: the fitted `stack`.
    """

    def __init__(
        self,
        stack: Stack | None = None,
        rule: str = "auto",
        over_tracks: str = "auto",
        n_splits: int = 5,
        seed: int = 0,
        n_jobs: int | None = 1,
    ) -> None:
        super().__init__(n_splits=n_splits, seed=seed, n_jobs=n_jobs)
        self.stack = stack
        self.rule = rule
        self.over_tracks = over_tracks

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Choose a rule and learn from X (n, k) and labels y (n,).

        Raises:
            InputError: one rule is named without the other, one that does not exist or that a
                rule table X does not hold; or as Stack.
        """
        if (self.rule == "auto") != (self.over_tracks == "auto"):
            raise InputError("name both rule and over_tracks, or leave both 'auto'.")
        if self.rule != "auto":
            by_rule(pd.DataFrame(), self.rule, self.over_tracks)  # refuses names that are no rules
        validate_data(self, X, skip_check_array=True)  # for the columns of X
        self.has_rules_ = isinstance(X, pd.DataFrame) and len(rules_of(X.columns)) > 1
        self.choice_ = None
        self.rule_, self.over_tracks_ = self.rule, self.over_tracks
        if self.rule == "auto":
            self.rule_, self.over_tracks_ = DEFAULT_RULE
            if self.has_rules_:
                labels, codes = binary_targets(y, len(X))[0], group_codes(groups, len(X))
                self.choice_ = choose_rule(X, labels, codes, self.n_splits, self.seed)
        if self.choice_ is not None:
            self.rule_, self.over_tracks_ = self.choice_.rule, self.choice_.over_tracks
        plain = Stack(n_splits=self.n_splits, seed=self.seed)
        inner = clone(plain if self.stack is None else self.stack).set_params(n_jobs=self.n_jobs)
        inner.fit(self._by_rule(X), y, groups=groups)
        # A robust stack ships the plain one it chose.
        self.inner_ = inner
        self.stack_ = getattr(inner, "stack_", inner)
        self.classes_ = self.stack_.classes_
        self.notes_ = [*([self.choice_.note] if self.choice_ else []), *inner.notes_]
        return self

    def _by_rule(self, X: Any) -> Any:
        return by_rule(X, self.rule_, self.over_tracks_) if self.has_rules_ else X

    def _stages(self, X: Any) -> tuple[Array, Array]:
        check_is_fitted(self)
        if not self.has_rules_:
            return self.inner_._stages(X)
        return self.stack_._stages(self.stack_.align(self._by_rule(X)))
