"""How a stack comes to be: settings chosen on the rows that teach, then a Stack fitted on them.

What is shipped is always a plain `Stack`. What is judged is the whole procedure: nested estimates
fit it anew in every fold, so that the choice is judged too.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from calibration.inputs import binary_targets
from predictions.errors import InputError
from predictions.frame_rules import DEFAULT_RULE, by_rule, rules_of
from predictions.groups import group_codes
from predictions.notes import Note
from stacking.choose.ensemble import TOO_FEW, EnsembleChoice, choose_ensemble
from stacking.choose.frame_rule import RuleChoice, choose_rule
from stacking.choose.robust import UNCHANGED, RobustChoice, choose_robust
from stacking.estimate.domain_splits import domain_names
from stacking.inner_folds import rarer_groups
from stacking.inputs import in_order, is_score_column, model_of
from stacking.registry import Take
from stacking.sampling import rows_that_teach
from stacking.stack import Stack


@dataclass(frozen=True)
class FittedProcedure:
    """A fitted stack, and what was chosen for it.

    Attributes:
        stack: the plain, fitted Stack.
        frame_rule: the rule and the rule over tracks whose scores it takes of a rule table; None
            where there were none to take.
        rules: how that rule was chosen; None where it was named, or nothing could be chosen.
        ensemble: which detectors were chosen; None where all were to be taken, or had to be.
        robust: the settings chosen by the worst domain; None where nothing was chosen.
        notes: all that was decided.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from stacking import Procedure, Stack
        >>> fitted = Procedure(Stack(meta="logistic")).fit(X, y, actor)
        >>> fitted.stack.meta, fitted.frame_rule
        ('logistic', None)
    """

    stack: Stack
    frame_rule: tuple[str, str] | None
    rules: RuleChoice | None
    ensemble: EnsembleChoice | None
    robust: RobustChoice | None
    notes: list[Note]

    def predict_stages(self, X: Any) -> pd.DataFrame:
        """As `Stack.predict_stages`, of an X (n, k) with the columns of fit."""
        if isinstance(X, pd.DataFrame):
            X = self.by_rule(X)
            if hasattr(self.stack, "feature_names_in_"):
                X = self.stack.align(X)
        return self.stack.predict_stages(X)

    def by_rule(self, X: pd.DataFrame) -> pd.DataFrame:
        """The scores as the stack takes them: of frames, those by the chosen rule."""
        return X if self.frame_rule is None else by_rule(X, *self.frame_rule)


@dataclass(frozen=True)
class Procedure:
    """What is chosen, in this order, before a stack is fitted.

    Of a `predictions.rule_table`, perhaps with other detectors' logits beside it, the frame rule
    (`choose_rule`): the meta-learner gets the scores by that rule and the distribution features.
    Which detectors to take (`choose_ensemble`), or with `domains`, columns and the settings that
    are "auto" by the worst domain (`choose_robust`).

    Attributes:
        stack: unfitted; its settings, some of which may be chosen instead.
        frame_rule: names of `predictions.RULES` and `TRACK_RULES`; None chooses.
        domains: the domain of each video, on the index of every X that will come to fit, which
            must be a DataFrame then; None for no such choice.
        take: "recommended", "smallest" or "all" of the detectors; of a DataFrame without `domains`.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from stacking import Procedure, Stack
        >>> fitted = Procedure(Stack(meta="logistic")).fit(X, y, actor)
        >>> list(fitted.predict_stages(X[:2]))
        ['stacked', 'calibrated']
    """

    stack: Stack = field(default_factory=Stack)
    frame_rule: tuple[str, str] | None = None
    domains: "pd.Series[Any] | None" = None
    take: Take = "all"

    @classmethod
    def of(cls, given: "Procedure | Stack") -> "Procedure":
        """The procedure itself, or that of a stack for which nothing is chosen but by frames."""
        return given if isinstance(given, Procedure) else cls(given)

    def with_jobs(self, n_jobs: int | None) -> Self:
        """The same with this many processes in each fit."""
        return replace(self, stack=clone(self.stack).set_params(n_jobs=n_jobs))

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> FittedProcedure:
        """Choose and learn from scores X (n, k), labels y (n,) and groups (n,).

        Raises:
            InputError: domains without a DataFrame of scores, rows that `domains` does not hold, a
                frame rule that X does not hold; or as Stack.
        """
        stack = clone(self.stack)
        notes: list[Note] = []
        labels, codes = binary_targets(y, len(X))[0], group_codes(groups, len(X), sort=True)
        frame_rule, rules, ensemble, robust = None, None, None, None
        fitted: Stack | None = None
        if isinstance(X, pd.DataFrame):
            X, rows = in_order(X, labels, codes)
            part, sampled = rows_that_teach(len(X), stack.seed)
            X, rows = X.iloc[part], rows[part]
            notes.extend(sampled)
            y, groups, labels = np.asarray(y)[rows], codes[rows], labels[rows]
            codes = group_codes(groups, len(X))
        if isinstance(X, pd.DataFrame) and len(rules_of(X.columns)) > 1:
            frame_rule = self.frame_rule
            if frame_rule is None:
                rules = choose_rule(X, labels, codes, stack.n_splits, stack.seed)
                frame_rule = DEFAULT_RULE if rules is None else rules.names
            X = by_rule(X, *frame_rule)
        if rules is not None:
            notes.append(rules.note)
        if isinstance(X, pd.DataFrame) and self.domains is None and self.take != "all":
            scores = X[[name for name in X if is_score_column(name)]]
            ensemble = choose_ensemble(scores, labels, codes, take=self.take, seed=stack.seed)
            if ensemble is not None:
                ensemble, fitted = self._fit_taken(ensemble, X, y, groups)
                notes.append(ensemble.note)
            elif scores.shape[1] > 1:
                notes.append(TOO_FEW(of=scores.shape[1], groups=rarer_groups(labels, codes)))
        if self.domains is not None:
            if not isinstance(X, pd.DataFrame):
                raise InputError(
                    "domains are found by the index of the scores", remedy="give a DataFrame"
                )
            if not X.index.isin(self.domains.index).all():
                raise InputError(
                    "some rows of the scores are not in `domains`", remedy="name theirs too"
                )
            robust = choose_robust(
                X, labels, codes, domain_names(self.domains.loc[X.index]), template=stack
            )
            notes.append(UNCHANGED() if robust is None else robust.note)
        if robust is not None:
            X = X[robust.columns]
            stack.set_params(**robust.settings)
        if fitted is None:
            fitted = stack.fit(X, y, groups=groups)
        notes = [*notes, *fitted.notes_]
        return FittedProcedure(fitted, frame_rule, rules, ensemble, robust, notes)

    def _fit_taken(
        self, choice: EnsembleChoice, X: pd.DataFrame, y: Any, groups: Any
    ) -> tuple[EnsembleChoice, Stack]:
        """The stack of what is taken: of fewer detectors only if it is better itself with them.

        The choice was made with a plain regression; another meta-learner may make more of what
        that has no use for.
        """
        taken = X[[name for name in X if model_of(name) in choice.models]]
        fewer = clone(self.stack).fit(taken, y, groups=groups)
        if self.take != "recommended" or taken.shape[1] == X.shape[1]:
            return choice, fewer
        whole = clone(self.stack).fit(X, y, groups=groups)
        with_fewer, with_all = fewer.inner_log_loss_, whole.inner_log_loss_
        if with_fewer is None or with_all is None or with_fewer < with_all:
            return choice, fewer
        return choice.all_instead(with_fewer, with_all), whole
