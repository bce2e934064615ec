"""How many detectors to take, and which: forward selection, judged out of fold at every length.

The best of hundreds of subsets is best by luck where groups are few. So it is no subset that is
judged here but a procedure: "the m detectors that forward selection takes". Each inner fold selects
them anew without the rows that judge it (Hastie et al. 2009, section 7.10.2), and there are no more
candidates than detectors. All of them are taken unless fewer are shown to be better.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from calibration.measures.bootstrap import group_sums
from calibration.measures.scores import row_log_loss
from predictions.groups import group_codes
from predictions.notes import Note, NoteKind
from stacking.ensembles.costs import COSTS, budget_in_words
from stacking.ensembles.differences import paired_differences
from stacking.ensembles.fits import Masks
from stacking.ensembles.judge import subset_probabilities
from stacking.ensembles.subsets import greedy_path
from stacking.inner_folds import (
    LEAST_TO_CALIBRATE,
    LEAST_TO_LEAVE_OUT,
    N_SPLITS,
    inner_folds,
    rarer_groups,
)
from stacking.inputs import Array, Codes
from stacking.registry import Take

#: Standard errors by which fewer detectors must be better than all.
_SHOWN = 2.0

#: The choice looks at no more rows than this, drawn at random; the stack is fitted on all.
MOST_ROWS = 8_000


def _sentence(
    models: list[str],
    of: int,
    take: str,
    gain: float,
    standard_error: float,
    size: int,
    within: str,
) -> str:
    every = f"all {of} detectors"
    if within:
        every = f"as many as the selection takes within {within}"
    taken = every if len(models) == of and not within else f"{', '.join(models)}"
    if len(models) < of:
        taken += f" ({len(models)} of {of})"
    elif within:
        taken += f", {every}"
    one = f"one standard error is {standard_error:.4f}"
    if take == "smallest":
        if len(models) == size:
            return f"Ensemble: {taken}; no fewer are within one standard error of them."
        return (
            f"Ensemble: {taken}, the fewest within one standard error of the best {size}: "
            f"{-gain:.4f} behind them, and {one}."
        )
    if len(models) < of:
        return f"Ensemble: {taken}, {gain:.4f} better out of fold than {every} ({one})."
    if size == of:
        return f"Ensemble: {taken}; no fewer are better out of fold."
    return (
        f"Ensemble: {taken}; the best {size} are {gain:.4f} better out of fold, which is not "
        f"{_SHOWN:g} standard errors (of {standard_error:.4f})."
    )


#: The `models` taken `of` so many. Of "recommended": the `gain` of the best length, `size`, over
#: all and its `standard_error`; of "smallest": over the best. `within` names a budget.
CHOSEN = NoteKind("stacking.ensemble", _sentence)

OUTDONE = NoteKind(
    "stacking.ensemble-outdone",
    "Ensemble: all {of} detectors; a plain regression would do better with {size} of them, but not "
    "this stack (inner log loss {fewer:.4f}, {whole:.4f} with all).",
)

TOO_FEW = NoteKind(
    "stacking.ensemble-few",
    "Ensemble: all {of} detectors, as {groups:group} of a label cannot tell which to leave out.",
)


@dataclass(frozen=True)
class EnsembleChoice:
    """The lengths of the selection, judged out of fold, and the one that is taken.

    Attributes:
        take: the rule.
        table: a row a length: `models` (tuple, in the order of the selection), `size`, `log_loss`
            (of the selection of that length, out of fold), `difference` to the last row and its
            `standard_error` (paired, over groups). The last row has all that may be taken.
        chosen, smallest: rows of `table`, by the rule and by the rule "smallest".
        note: what was taken, and why.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from stacking import choose_ensemble
        >>> choice = choose_ensemble(X, y.astype(float), actor)
        >>> choice.table["size"].tolist()
        [1, 2]
    """

    take: str
    table: pd.DataFrame
    chosen: int
    smallest: int
    note: Note

    @property
    def models(self) -> tuple[str, ...]:
        """The detectors that are taken, the most useful first."""
        models: tuple[str, ...] = self.table["models"].iloc[self.chosen]
        return models

    def all_instead(self, fewer: float, whole: float) -> "EnsembleChoice":
        """The choice of all, as a stack of fewer has no lower log loss: `fewer` against `whole`."""
        every = self.table["models"].iloc[-1]
        note = OUTDONE(size=len(self.models), of=len(every), fewer=fewer, whole=whole)
        return replace(self, chosen=len(self.table) - 1, note=note)


def choose_ensemble(
    scores: pd.DataFrame,
    y: Array,
    groups: Codes,
    *,
    take: Take = "recommended",
    costs: pd.DataFrame | None = None,
    budget: Mapping[str, float] | None = None,
    seed: int = 0,
) -> EnsembleChoice | None:
    """The detectors to take by these rows; None where nothing can be chosen.

    That is so with one detector, and with fewer than `inner_folds.LEAST_TO_CALIBRATE` groups of
    the rarer label; with fewer than `LEAST_TO_LEAVE_OUT` all are recommended.

    Args:
        scores: (n, k) logits or raw scores, a column a detector, NaN where missing.
        y, groups: (n,) labels of 0.0 and 1.0; (n,) codes.
        take: "recommended" or "smallest".
        costs, budget: as of `compare_subsets`; what it allows in the order of the selection.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from stacking import choose_ensemble
        >>> choice = choose_ensemble(X, y.astype(float), actor)
        >>> sorted(choice.models)
        ['a', 'b']
    """
    if scores.shape[1] < 2 or rarer_groups(y, groups) < LEAST_TO_CALIBRATE:
        return None
    X = scores.to_numpy(np.float64)
    if len(X) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS])
        X, y, groups = X[rows], y[rows], groups[rows]
    codes = group_codes(groups, len(X))
    limits = limits_of(scores.columns, costs, budget)
    path = selection(X, y, limits)
    losses = np.full((len(y), len(path)), np.nan)
    folds = inner_folds(y, codes, N_SPLITS, seed)
    for fold in np.unique(folds):
        held = folds == fold
        if y[~held].min() == y[~held].max():
            return None
        own = selection(X[~held], y[~held], limits)
        p = subset_probabilities(
            X[~held], y[~held], group_codes(codes[~held], int((~held).sum())), X[held], own, seed
        )
        # A budget may end a fold's own selection earlier.
        lengths = np.minimum(np.arange(len(path)), len(own) - 1)
        losses[held] = row_log_loss(y[held, None], p)[:, lengths]
    counts = np.bincount(codes).astype(np.float64)
    sums = group_sums(losses, codes, len(counts))
    difference, error = paired_differences(sums, counts, len(path) - 1)
    names = _names_in_order(path, list(map(str, scores.columns)))
    table = pd.DataFrame(
        {
            "models": names,
            "size": path.sum(axis=1),
            "log_loss": losses.mean(axis=0),
            "difference": difference,
            "standard_error": error,
        }
    )
    best = int(np.argmin(difference))
    smallest, behind, spread = _smallest(sums, counts, best)
    rarer = rarer_groups(y, codes)
    if take == "recommended" and rarer < LEAST_TO_LEAVE_OUT:
        last = len(path) - 1
        return EnsembleChoice(take, table, last, smallest, TOO_FEW(of=len(names[-1]), groups=rarer))
    if take == "smallest":
        chosen, gain, one_error = smallest, -behind, spread
    else:
        gain, one_error = -float(difference[best]), float(error[best])
        chosen = best if gain > _SHOWN * one_error else len(path) - 1
    note = CHOSEN(
        models=list(names[chosen]),
        of=len(names[-1]),
        take=take,
        gain=gain,
        standard_error=one_error,
        size=int(table["size"].iloc[best]),
        within=budget_in_words(budget or {}),
    )
    return EnsembleChoice(take, table, chosen, smallest, note)


def limits_of(
    models: Any, costs: pd.DataFrame | None, budget: Mapping[str, float] | None
) -> tuple[Array, Array] | None:
    """What each detector costs (k, c) and the most of each cost (c,); None without a budget."""
    kinds = [cost for cost in COSTS if cost in (budget or {})]
    if costs is None or not kinds or budget is None:
        return None
    return costs.loc[list(models), kinds].to_numpy(np.float64), np.array([budget[c] for c in kinds])


def selection(X: Array, y: Array, limits: tuple[Array, Array] | None = None) -> Masks:
    """The subsets (s, k) of a forward selection, the last with all detectors.

    With `limits` (`limits_of`), each step adds one that is still within them, and the last subset
    is the one to which none can be added.
    """
    path = greedy_path(X, y, limits=limits)
    if limits is None and not path[-1].all():
        path = np.vstack([path, np.ones((1, X.shape[1]), dtype=bool)])
    return path


def _smallest(sums: Array, counts: Array, best: int) -> tuple[int, float, float]:
    """The shortest length within one standard error of the best; how far behind, and that error."""
    behind, spread = paired_differences(sums, counts, best)
    near = np.flatnonzero(behind <= spread)
    first = min(int(near[0]), best) if len(near) else best
    return first, float(behind[first]), float(spread[first])


def _names_in_order(path: Masks, names: list[str]) -> list[tuple[str, ...]]:
    """The detectors of each subset, in the order in which they came."""
    before = np.vstack([np.zeros((1, path.shape[1]), dtype=bool), path[:-1]])
    sets: list[tuple[str, ...]] = []
    for added in path & ~before:
        sets.append((*(sets[-1] if sets else ()), *(names[j] for j in np.flatnonzero(added))))
    return sets
