"""Which rule makes a video's score of its frames' scores: compared out of fold, chosen inside.

Each rule is judged by what an L2-logistic combination of the detectors' video scores by that rule
costs on rows that taught it nothing. The default rule stays unless another is better by more than
one standard error of their paired difference.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration.measures.bootstrap import group_sums, mean_intervals
from calibration.measures.few_groups import LOG_LOSS
from calibration.measures.scores import log_loss_of_logits
from predictions.frame_rules import DEFAULT_RULE, by_rule, rules_of
from predictions.groups import group_codes
from predictions.notes import Note, NoteKind
from predictions.threads import one_blas_thread
from stacking.ensembles.differences import paired_differences
from stacking.estimate.outer_folds import OuterFolds
from stacking.features import TamedScores
from stacking.inner_folds import inner_folds
from stacking.inputs import Array, Codes, Rows, is_score_column
from stacking.solvers import ridge_path

#: Penalty of the combination that judges the rules; alike for all, so that only they differ.
_PENALTY = 10.0


def _sentence(
    rule: str,
    over_tracks: str,
    best: str,
    best_over_tracks: str,
    gain: float,
    standard_error: float,
) -> str:
    name = f"Frames: {rule}, {over_tracks} over tracks"
    if (rule, over_tracks) != DEFAULT_RULE:
        return (
            f"{name}, {gain:.4f} better than {DEFAULT_RULE[0]} on the inner folds, which chose it "
            f"(one standard error is {standard_error:.4f})."
        )
    if gain <= 0:
        return f"{name}; no rule is better on the inner folds."
    return (
        f"{name}; the best rule ({best}, {best_over_tracks}) is only {gain:.4f} better on "
        f"the inner folds, and one standard error is {standard_error:.4f}."
    )


#: Which rule was taken, `rule` and `over_tracks`; the `best` out of fold with its
#: `best_over_tracks`, its `gain` over the default rule (nats) and that gain's `standard_error`.
CHOSEN = NoteKind("stacking.frame-rule", _sentence)


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
    def names(self) -> tuple[str, str]:
        """`rule` and `over_tracks`."""
        return self.rule, self.over_tracks

    @property
    def note(self) -> Note:
        """The choice, and what it gains out of fold."""
        is_best = self.table["chosen"].to_numpy()
        if self.names == DEFAULT_RULE:
            is_best = np.arange(len(self.table)) == int(self.table["log_loss"].argmin())
        best = self.table[is_best].iloc[0]
        return CHOSEN(
            rule=self.rule,
            over_tracks=self.over_tracks,
            best=best["rule"],
            best_over_tracks=best["over_tracks"],
            gain=-float(best["difference"]),
            standard_error=float(best["standard_error"]),
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
        n_boot: replicates behind the intervals. seed: of the draws.

    Raises:
        InputError: as OuterFolds.of.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from predictions import assign_folds, rule_table
        >>> from stacking import compare_rules
        >>> rng = np.random.default_rng(0)
        >>> y = np.arange(40) % 2
        >>> frames = pd.DataFrame({"video": np.repeat(np.arange(40), 5).astype(str)})
        >>> frames["model"] = "xception"
        >>> frames["logit"] = np.repeat(y, 5) + rng.normal(size=200)
        >>> choice = compare_rules(rule_table(frames), y, None, assign_folds(y, np.arange(40)))
        >>> len(choice.names)  # of the rule over frames, and of that over tracks
        2
    """
    return judge_rules(*OuterFolds.in_order(X, y, groups, folds), n_boot=n_boot, seed=seed)


def judge_rules(
    X: pd.DataFrame, outer: OuterFolds, *, n_boot: int = 1000, seed: int = 0
) -> RuleChoice:
    """`compare_rules` on folds that are checked already."""
    choice, sums = _choose(X, outer.labels, outer.groups, outer.held)
    counts = np.bincount(outer.groups).astype(np.float64)
    intervals = mean_intervals(sums, counts, n_boot=n_boot, seed=seed, bounds=LOG_LOSS)
    choice.table.insert(3, "low", [one.low for one in intervals])
    choice.table.insert(4, "high", [one.high for one in intervals])
    return choice


def choose_rule(
    X: pd.DataFrame, y: Array, groups: Codes, n_splits: int = 5, seed: int = 0
) -> RuleChoice | None:
    """The rule chosen on inner folds of these rows alone; None where nothing can be chosen."""
    if len(rules_of(X.columns)) < 2:
        return None
    folds = inner_folds(y, groups, n_splits, seed)
    names = np.unique(folds)
    if len(names) < 2 or y.min() == y.max():
        return None
    codes = group_codes(groups, len(X))  # some of all groups, perhaps
    return _choose(X, y, codes, [folds == name for name in names])[0]


def _choose(X: pd.DataFrame, y: Array, groups: Codes, held: list[Rows]) -> tuple[RuleChoice, Array]:
    """The choice without intervals, and the losses summed by group, (groups, rules)."""
    rules = rules_of(X.columns)
    with one_blas_thread():
        losses = np.column_stack([_losses(scores_by(X, *rule), y, held) for rule in rules])
    sums = group_sums(losses, groups, int(groups.max()) + 1)
    difference, error = paired_differences(
        sums, np.bincount(groups).astype(np.float64), rules.index(DEFAULT_RULE)
    )
    best = int(np.argmin(difference))
    chosen = best if difference[best] < -error[best] else rules.index(DEFAULT_RULE)
    table = pd.DataFrame(rules, columns=["rule", "over_tracks"]).assign(
        log_loss=losses.mean(axis=0),
        difference=difference,
        standard_error=error,
        chosen=np.arange(len(rules)) == chosen,
    )
    return RuleChoice(*rules[chosen], table), sums


def scores_by(X: pd.DataFrame, rule: str, over_tracks: str) -> Array:
    """The detectors' scores (n, k), those of frames by one rule; without rules as they are."""
    table = by_rule(X, rule, over_tracks)
    return table[[name for name in table if is_score_column(name)]].to_numpy(np.float64)


def _losses(scores: Array, y: Array, parts: list[Rows]) -> Array:
    """Log loss of each row, (n,), under a combination of the rows outside its part."""
    losses = np.zeros(len(y))
    for held in parts:
        tamed = TamedScores().fit(scores[~held])
        linear = ridge_path(tamed.transform(scores[~held]), y[~held], (_PENALTY,))[0]
        losses[held] = log_loss_of_logits(y[held], linear(tamed.transform(scores[held])))
    return losses
