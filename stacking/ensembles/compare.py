"""Every ensemble size: the honest log loss of subsets of the detectors, and which one to take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration import Interval
from calibration.measures.bootstrap import mean_intervals
from calibration.measures.few_groups import LOG_LOSS
from calibration.measures.many import confidence_set_of
from predictions.errors import InputError
from predictions.frame_rules import rules_of
from predictions.order import column_order
from predictions.parallel import side_by_side
from predictions.progress import Progress, silent
from predictions.threads import one_blas_thread
from stacking.choose.ensemble import TOO_FEW, choose_ensemble, limits_of, selection
from stacking.choose.frame_rule import RuleChoice, judge_rules, scores_by
from stacking.ensembles.comparison import Comparison
from stacking.ensembles.costs import COSTS, check_budget, subset_costs
from stacking.ensembles.differences import paired_differences, pareto_front
from stacking.ensembles.diversity import MEASURES, pair_diversity, subset_diversity
from stacking.ensembles.fits import Masks
from stacking.ensembles.judge import judge_subsets
from stacking.ensembles.predictions import scores_by_fold
from stacking.ensembles.subsets import (
    MOST_FOR_ALL,
    N_RANDOM,
    all_subsets,
    in_order,
    random_subsets,
    refuse_too_many,
)
from stacking.estimate.outer_folds import OuterFolds
from stacking.inner_folds import rarer_groups
from stacking.inputs import Array, Codes, Rows, is_score_column


def compare_subsets(
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    *,
    costs: pd.DataFrame | None = None,
    budget: Mapping[str, float] | None = None,
    n_boot: int = 1000,
    seed: int = 0,
    n_jobs: int | None = 1,
    progress: Progress = silent,
) -> Comparison:
    """Judge subsets of the detectors: all of them up to 10 detectors, else the single ones, greedy
    paths, the whole and 200 others.

    Which to take is chosen as `Procedure` does (`choose.ensemble`), on all rows; each outer fold
    chooses too, without the rows that judge it, and `chosen_inside` is what its choice costs.

    Of a `predictions.rule_table` each outer fold takes the scores by the frame rule that its
    training part chooses (`frame_rules.choose_rule`).

    Args:
        X: (n, k) logits or raw scores of any scale and direction, a column a model, NaN = missing;
            `MODEL:feature` columns are passed over, but for frame rules to choose among.
        y: (n,) 1 = FAKE, 0 = REAL, none missing.
        groups: (n,) what is never split, or None when each row is its own.
        folds: (n,) outer fold of each row.
        costs: index of the models, columns `seconds` a video and `mb` of weights (`read_costs`).
        budget: the most of a cost that may be recommended, such as {"seconds": 2.0}.
        n_boot: replicates behind the intervals. seed: of all draws.
        n_jobs: processes side by side (joblib).

    Raises:
        InputError: labels other than 0 and 1, a split group, one fold, one class in training, no
            score column, over 100 detectors, or a budget on costs that are not known.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from predictions import assign_folds
        >>> from stacking import compare_subsets
        >>> comparison = compare_subsets(X, y, actor, assign_folds(y, actor))
        >>> comparison.table["size"].tolist()
        [1, 1, 2]
    """
    names = [str(column) for column in column_order(X.columns) if is_score_column(column)]
    if not names:
        raise InputError(
            "no column holds a detector's score", remedy="give a column for each detector"
        )
    refuse_too_many(len(names))
    X, outer = OuterFolds.in_order(X, y, groups, folds)
    known = pd.DataFrame(np.nan, index=names, columns=list(COSTS)) if costs is None else costs
    limits = dict(budget or {})
    check_budget(known, limits)
    rules, scores, by_fold = _scores_of_folds(X, outer, n_boot, seed, progress)
    costs_known = known.loc[names]
    taught = [*(~held for held in outer.held), np.ones(len(X), dtype=bool)]
    choosing = (
        (Z[rows], outer.labels[rows], outer.groups[rows], names, costs_known, limits, seed)
        for Z, rows in zip([*by_fold, scores], taught, strict=True)
    )
    *own, whole = side_by_side(_choice, choosing, n_jobs)
    masks = _candidates([*own, whole], seed)
    judged = judge_subsets(by_fold, outer, masks, seed, n_jobs, progress)

    counts = np.bincount(outer.groups).astype(np.float64)
    sizes = masks.sum(axis=1)
    spent = subset_costs(costs_known, masks)
    allowed = np.ones(len(masks), dtype=bool)
    for cost, most in limits.items():
        allowed &= (spent[cost] <= most).to_numpy()
    pairs = pair_diversity(outer.labels, pd.DataFrame(judged.singles, columns=names))
    table = _table(names, masks, judged.sums, counts, spent, n_boot, seed)
    table[list(MEASURES)] = subset_diversity(pairs, masks, names)
    for front, cost in (("size", sizes.astype(np.float64)), *spent.items()):
        table[f"front_{front}"] = pareto_front(np.asarray(cost), table["log_loss"].to_numpy())
    table["in_budget"] = allowed
    place = {mask.tobytes(): s for s, mask in enumerate(masks)}
    for rule in ("recommended", "smallest"):
        table[rule] = np.arange(len(table)) == place[getattr(whole, rule).tobytes()]

    # What is chosen with nothing but the training part of a fold to go by.
    inside = np.zeros((len(counts), 2))
    for held, one in zip(outer.held, own, strict=True):
        chosen = [place[mask.tobytes()] for mask in (one.recommended, one.smallest)]
        mine = np.unique(outer.groups[held])
        inside[mine] = judged.sums[np.ix_(mine, np.array(chosen))]
    recommended, smallest = _intervals(inside, counts, n_boot, seed)
    return Comparison(
        table=table,
        pairs=pairs,
        reason=whole.reason,
        chosen_inside=recommended,
        smallest_inside=smallest,
        left_out=_left_out(names, place, judged.sums, counts),
        rows=len(X),
        groups=len(counts),
        prior=float(outer.labels.mean()),
        budget=limits,
        complete=len(names) <= MOST_FOR_ALL,
        frame_rules=rules,
    )


def _scores_of_folds(
    X: pd.DataFrame, outer: OuterFolds, n_boot: int, seed: int, progress: Progress
) -> tuple[RuleChoice | None, Array, list[Array]]:
    """The frame rules judged on the outer folds; the detectors' scores (n, k) by the one that all
    rows choose, and as each fold takes them."""
    by_fold = scores_by_fold(X, outer, seed, progress)
    if len(rules_of(X.columns)) < 2:
        return None, by_fold[0], by_fold
    rules = judge_rules(X, outer, n_boot=n_boot, seed=seed)
    return rules, scores_by(X, *rules.names), by_fold


@dataclass(frozen=True)
class _Chosen:
    """The selection (s, k) of some rows, which masks (k,) two rules take of it, and why."""

    path: Masks
    recommended: Rows
    smallest: Rows
    reason: str


def _choice(
    X: Array,
    y: Array,
    groups: Codes,
    names: list[str],
    costs: pd.DataFrame,
    limits: dict[str, float],
    seed: int,
) -> _Chosen:
    """What scores X (n, k) of some rows choose; where they cannot, all that may be taken."""
    scores = pd.DataFrame(X, columns=names)
    with one_blas_thread():
        chosen = choose_ensemble(scores, y, groups, costs=costs, budget=limits, seed=seed)
        if chosen is None:
            path = selection(X, y, limits_of(names, costs, limits))
            reason = str(TOO_FEW(of=int(path[-1].sum()), groups=rarer_groups(y, groups)))
            return _Chosen(path, path[-1], path[-1], reason)
    path = np.array([np.isin(names, models) for models in chosen.table["models"]])
    return _Chosen(path, path[chosen.chosen], path[chosen.smallest], str(chosen.note))


def _candidates(choices: Sequence[_Chosen], seed: int) -> Masks:
    """The subsets (s, k) to judge: all, or those drawn, those of the selections, and the whole
    without each detector."""
    k = choices[0].path.shape[1]
    if k <= MOST_FOR_ALL:
        return all_subsets(k)
    one_less = ~np.eye(k, dtype=bool)
    paths = (choice.path for choice in choices)
    return in_order(np.vstack([random_subsets(k, N_RANDOM, seed), one_less, *paths]))


def _left_out(
    names: list[str], place: Mapping[bytes, int], sums: Array, counts: Array
) -> pd.DataFrame:
    """A row a detector: what all cost `without` it, how much it `saves` them and its
    `standard_error` (paired, over groups); NaN of a single one. `place`: of each mask in `sums`.
    """
    if len(names) == 1:
        nothing = {"without": np.nan, "saves": np.nan, "standard_error": np.nan}
        return pd.DataFrame([{"detector": names[0], **nothing}])
    whole = place[np.ones(len(names), dtype=bool).tobytes()]
    less = [place[mask.tobytes()] for mask in ~np.eye(len(names), dtype=bool)]
    difference, error = paired_differences(sums, counts, whole)
    return pd.DataFrame(
        {
            "detector": names,
            "without": sums[:, less].sum(axis=0) / counts.sum(),
            "saves": difference[less],
            "standard_error": error[less],
        }
    )


def _table(
    names: list[str],
    masks: Masks,
    sums: Array,
    counts: Array,
    spent: pd.DataFrame,
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    """The first half of the table: who, how good, how sure, at what cost."""
    intervals = _intervals(sums, counts, n_boot, seed)
    values = np.array([one.value for one in intervals])
    difference, error = paired_differences(sums, counts, int(np.argmin(values)))
    with one_blas_thread():
        may_be_best = confidence_set_of(sums, seed=seed)
    table = pd.DataFrame(
        {
            "models": [tuple(names[j] for j in np.flatnonzero(mask)) for mask in masks],
            "size": masks.sum(axis=1),
            "log_loss": values,
            "low": [one.low for one in intervals],
            "high": [one.high for one in intervals],
            "difference": difference,
            "standard_error": error,
            "confidence_set": may_be_best.members,
            "mcs_p": may_be_best.p_values,
        }
    )
    return pd.concat([table, spent], axis=1)


def _intervals(sums: Array, counts: Array, n_boot: int, seed: int) -> list[Interval]:
    """Mean and 95 % group-bootstrap interval of each column of losses summed by group, (g, s)."""
    with one_blas_thread():
        return mean_intervals(sums, counts, n_boot=n_boot, seed=seed, bounds=LOG_LOSS)
