"""Every ensemble size: the honest log loss of subsets of the detectors, and which one to take.

Each subset is judged as a procedure: in the training part of an outer fold the scores are tamed,
an L2-logistic combination is fitted, its penalty, a temperature and a clip are learned on inner
group folds, and the outer fold judges. All subsets are fitted together (see `subset_fits`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from calibration import Interval, TemperatureCalibrator
from calibration.measures.bootstrap import group_sums, mean_intervals
from predictions.errors import InputError
from predictions.frame_rules import DEFAULT_RULE, rules_of
from predictions.progress import Progress, silent
from stacking.choose.frame_rule import RuleChoice, choose_rule, compare_rules, scores_by
from stacking.clipping import learned_clip
from stacking.ensembles.costs import COSTS, check_budget, subset_costs
from stacking.ensembles.diversity import MEASURES, pair_diversity, subset_diversity
from stacking.ensembles.fits import Masks, held_out_losses, subset_logits, subset_path
from stacking.ensembles.recommend import Choice, choose, explain, paired_differences, pareto_front
from stacking.ensembles.subsets import (
    MOST_FOR_ALL,
    N_RANDOM,
    all_subsets,
    greedy_path,
    in_order,
    random_subsets,
)
from stacking.estimate.nested import check_labels, outer_parts
from stacking.features import TamedScores
from stacking.inner_folds import LEAST_TO_CALIBRATE, inner_folds, rarer_groups
from stacking.learners.base import Array, Codes, group_codes
from stacking.stack import is_score_column

#: Penalties among which the inner folds choose; against the log loss summed over rows.
ALPHAS = (1000.0, 100.0, 10.0, 1.0, 0.1)

#: Subsets fitted together: enough to share the work, few enough to share out over processes.
_CHUNK = 128


@dataclass(frozen=True)
class Comparison:
    """The subsets of the detectors, judged on rows that taught them nothing.

    Attributes:
        table: a row a subset, by size: `models` (tuple), `size`, `log_loss` with its 95 %
            group-bootstrap interval `low`, `high`; `difference` to the lowest log loss and its
            `standard_error` (paired, over groups); `seconds` a video and `mb` of weights, summed;
            the means over pairs `residual_correlation`, `disagreement`, `q`, `double_fault`;
            whether it is on the Pareto front of log loss against cost: `front_size`,
            `front_seconds`, `front_mb`; `in_budget`; `recommended`. NaN where not known.
        pairs: a row a pair of detectors: `first`, `second` and the four measures.
        choice: the recommended row of `table` and the best one in the budget.
        reason: why, as a sentence.
        chosen_inside: log loss of the rule itself: in each outer fold the training part alone
            recommends, so that nothing of the choice among many subsets flatters it.
        rows, groups, prior: what was judged; `prior` is the share of FAKE.
        budget: the most of each cost, as asked.
        complete: whether `table` holds all subsets.
        frame_rules: how the frame rules compare on the outer folds, where X held several.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    choice: Choice
    reason: str
    chosen_inside: Interval
    rows: int
    groups: int
    prior: float
    budget: Mapping[str, float]
    complete: bool
    frame_rules: RuleChoice | None = None

    def best_by_size(self) -> pd.DataFrame:
        """The rows of `table` with the lowest log loss of each size, by size."""
        return self.table.loc[self.table.groupby("size")["log_loss"].idxmin()]

    def to_dict(self) -> dict[str, Any]:
        """compare.json: everything, with None where a number is not known."""
        chosen = self.table.iloc[self.choice.chosen]
        return {
            "rows": self.rows,
            "groups": self.groups,
            "prior": self.prior,
            "models": [models[0] for models in self.table["models"] if len(models) == 1],
            "complete": self.complete,
            "budget": dict(self.budget),
            "recommendation": {
                "models": list(chosen["models"]),
                "log_loss": float(chosen["log_loss"]),
                "difference": self.choice.difference,
                "standard_error": _plain(self.choice.standard_error),
                "best": list(self.table.iloc[self.choice.best]["models"]),
                "reason": self.reason,
                "chosen_inside": self.chosen_inside.as_dict(),
            },
            "frame_rules": None
            if self.frame_rules is None
            else {
                "rule": self.frame_rules.rule,
                "over_tracks": self.frame_rules.over_tracks,
                "rules": _records(self.frame_rules.table),
            },
            "subsets": _records(self.table),
            "pairs": _records(self.pairs),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Comparison":
        """Read back what `to_dict` wrote; numbers that are not known are NaN again."""
        told, rules = found["recommendation"], found["frame_rules"]
        table = _table_of(found["subsets"])
        table["models"] = table["models"].map(tuple)
        place = {models: row for row, models in enumerate(table["models"])}
        error = told["standard_error"]
        return cls(
            table=table,
            pairs=_table_of(found["pairs"], ("first", "second", *MEASURES)),
            choice=Choice(
                chosen=place[tuple(told["models"])],
                best=place[tuple(told["best"])],
                difference=told["difference"],
                # No other number is infinite: with one group nothing is known of its spread.
                standard_error=np.inf if error is None else error,
            ),
            reason=told["reason"],
            chosen_inside=Interval(**told["chosen_inside"]),
            rows=found["rows"],
            groups=found["groups"],
            prior=found["prior"],
            budget=found["budget"],
            complete=found["complete"],
            frame_rules=None
            if rules is None
            else RuleChoice(rules["rule"], rules["over_tracks"], _table_of(rules["rules"])),
        )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _table_of(
    records: list[dict[str, Any]], columns: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """The table of `_records`: a column of None alone holds numbers too."""
    table = pd.DataFrame(records, columns=columns)
    unknown = [str(name) for name in table if table[name].isna().any()]
    return table.astype(dict.fromkeys(unknown, np.float64))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def compare_subsets(
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    *,
    costs: pd.DataFrame | None = None,
    budget: Mapping[str, float] | None = None,
    n_splits: int = 5,
    n_boot: int = 1000,
    n_random: int = N_RANDOM,
    seed: int = 0,
    n_jobs: int | None = 1,
    progress: Progress = silent,
) -> Comparison:
    """Judge subsets of the detectors: all of them up to 10 detectors, else the single ones, greedy
    paths, the whole and `n_random` others.

    A greedy path of all rows would have seen the rows that judge it, so each outer fold adds the
    path of its training part; all are judged alike, and `chosen_inside` lets each fold choose
    from its own path only.

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
        n_splits: inner folds. n_boot: replicates behind the intervals. seed: of all draws.
        n_jobs: processes side by side (joblib).

    Raises:
        InputError: labels other than 0 and 1, a split group, one fold, one class in training, no
            score column, or a budget on costs that are not known.
    """
    names = [str(column) for column in X.columns if is_score_column(column)]
    if not names:
        raise InputError("no column holds a detector's score; give a column a detector.")
    labels = check_labels(y, len(X))
    codes = group_codes(groups, len(X))
    parts = outer_parts(labels, codes, folds)
    rules = None
    if len(rules_of(X.columns)) > 1:
        rules = compare_rules(X, labels, codes, folds, n_boot=n_boot, seed=seed)
    scores = _scores(X, rules)
    by_fold = [scores for _ in parts]
    if rules is not None:
        progress("frame rules on outer folds", 0, len(parts))
        for fold, held in enumerate(parts):
            by_fold[fold] = _scores(X, _rule_of_part(X, labels, codes, held, n_splits, seed))
            progress("frame rules on outer folds", fold + 1, len(parts))
    known = pd.DataFrame(np.nan, index=names, columns=list(COSTS)) if costs is None else costs
    limits = dict(budget or {})
    check_budget(known, limits)
    masks, available = _candidates(scores, by_fold, labels, parts, n_random, seed)
    sums, inside, singles = _judge(
        by_fold, labels, codes, parts, masks, n_splits, seed, n_jobs, progress
    )

    n_groups = int(codes.max()) + 1
    counts = np.bincount(codes, minlength=n_groups).astype(np.float64)
    sizes = masks.sum(axis=1)
    spent = subset_costs(known.loc[names], masks)
    allowed = np.ones(len(masks), dtype=bool)
    for cost, most in limits.items():
        allowed &= (spent[cost] <= most).to_numpy()
    choice = choose(sums, counts, sizes, spent, allowed)
    pairs = pair_diversity(labels, pd.DataFrame(singles, columns=names))
    table = _table(names, masks, sums, counts, spent, n_boot, seed)
    table[list(MEASURES)] = subset_diversity(pairs, masks, names)
    for front, cost in (("size", sizes.astype(np.float64)), *spent.items()):
        table[f"front_{front}"] = pareto_front(np.asarray(cost), table["log_loss"].to_numpy())
    table["in_budget"] = allowed
    table["recommended"] = np.arange(len(table)) == choice.chosen

    # The rule, with nothing but the training part of a fold to go by.
    ruled = np.zeros(n_groups)
    for held, inner, there in zip(parts, inside, available, strict=True):
        taught = np.unique(codes[~held])
        own = choose(inner[taught], counts[taught], sizes, spent, allowed & there).chosen
        mine = np.unique(codes[held])
        ruled[mine] = sums[mine, own]
    return Comparison(
        table=table,
        pairs=pairs,
        choice=choice,
        reason=explain(choice, table, limits),
        chosen_inside=_intervals(ruled[:, None], counts, n_boot, seed)[0],
        rows=len(labels),
        groups=n_groups,
        prior=float(labels.mean()),
        budget=limits,
        complete=len(names) <= MOST_FOR_ALL,
        frame_rules=rules,
    )


def _scores(X: pd.DataFrame, rules: RuleChoice | None) -> Array:
    """The detectors' scores (n, k), those of frames by the chosen rule."""
    return scores_by(X, *(DEFAULT_RULE if rules is None else (rules.rule, rules.over_tracks)))


def _rule_of_part(
    X: pd.DataFrame, y: Array, groups: Codes, held: NDArray[np.bool_], n_splits: int, seed: int
) -> RuleChoice | None:
    """The frame rule that the rows outside a fold choose."""
    return choose_rule(X[~held], y[~held], groups[~held], n_splits, seed)


def _candidates(
    X: Array,
    by_fold: list[Array],
    y: Array,
    parts: list[NDArray[np.bool_]],
    n_random: int,
    seed: int,
) -> tuple[Masks, NDArray[np.bool_]]:
    """The subsets (s, k), and which of them each outer fold may know of, (folds, s).

    X: scores of all rows, and `by_fold`: as each outer fold takes them, (n, k) all.
    """
    k = X.shape[1]
    if k <= MOST_FOR_ALL:
        masks = all_subsets(k)
        return masks, np.ones((len(parts), len(masks)), dtype=bool)
    drawn = random_subsets(k, n_random, seed)
    with threadpool_limits(limits=1, user_api="blas"):
        own = [greedy_path(Z[~held], y[~held]) for Z, held in zip(by_fold, parts, strict=True)]
        masks = in_order(np.vstack([drawn, greedy_path(X, y), *own]))
    place = {mask.tobytes(): s for s, mask in enumerate(masks)}
    available = np.zeros((len(parts), len(masks)), dtype=bool)
    for fold, path in enumerate(own):
        available[fold, [place[mask.tobytes()] for mask in np.vstack([drawn, path])]] = True
    return masks, available


def _judge(
    by_fold: list[Array],
    y: Array,
    groups: Codes,
    parts: list[NDArray[np.bool_]],
    masks: Masks,
    n_splits: int,
    seed: int,
    n_jobs: int | None,
    progress: Progress,
) -> tuple[Array, list[Array], Array]:
    """Losses summed by group (g, s); those of the inner folds of each part (g, s); and the single
    detectors' probabilities (n, k)."""
    n_groups = int(groups.max()) + 1
    chunks = np.array_split(np.arange(len(masks)), -(-len(masks) // _CHUNK))
    tasks = [(fold, chunk) for fold in range(len(parts)) for chunk in chunks]
    answers: Iterable[tuple[Array, Array]] = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(subset_probabilities)(
            *(by_fold[fold][~parts[fold]], y[~parts[fold]], groups[~parts[fold]]),
            by_fold[fold][parts[fold]],
            masks[chunk],
            n_splits=n_splits,
            seed=seed,
        )
        for fold, chunk in tasks
    )
    sums = np.zeros((n_groups, len(masks)))
    inside = [np.zeros((n_groups, len(masks))) for _ in parts]
    singles = np.zeros((len(y), masks.shape[1]))
    progress("subsets on outer folds", 0, len(tasks))
    for done, ((fold, chunk), (p, inner)) in enumerate(zip(tasks, answers, strict=True), start=1):
        held = parts[fold]
        sums[:, chunk] += group_sums(losses_of(y[held], p), groups[held], n_groups)
        inside[fold][:, chunk] = group_sums(inner, groups[~held], n_groups)
        for column, s in enumerate(chunk):
            if masks[s].sum() == 1:
                singles[held, int(np.argmax(masks[s]))] = p[:, column]
        progress("subsets on outer folds", done, len(tasks))
    return sums, inside, singles


def losses_of(y: Array, p: Array) -> Array:
    """Log loss of each row, (n, s), of probabilities (n, s) inside (0, 1)."""
    return np.asarray(-np.log(np.where(y[:, None] > 0.5, p, 1.0 - p)))


def subset_probabilities(
    X: Array,
    y: Array,
    groups: Codes,
    new: Array,
    masks: Masks,
    n_splits: int = 5,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Learn every subset on X, apply it to `new`.

    Args:
        X, y, groups: (n, k) scores, NaN where missing; (n,) labels of both classes; (n,) codes.
        new: (m, k) scores of rows that teach nothing.
        masks: (s, k) the subsets.

    Returns:
        (m, s) probabilities of FAKE of `new`; (n, s) log loss of each row of X under the fits of
        the other inner folds (calibrated and clipped by all of them).
    """
    with threadpool_limits(limits=1, user_api="blas"):
        tamed = TamedScores().fit(X)
        design = tamed.transform(X)
        columns = masks[:, np.append(np.arange(X.shape[1]), tamed.missing_columns_)]
        path = subset_path(design, y, columns, ALPHAS)
        folds = inner_folds(y, groups, n_splits, seed)
        inner = [(folds == fold) for fold in np.unique(folds)]
        if len(inner) < 2:
            # One group: nothing to choose by, so the strongest penalty.
            picked = np.zeros(len(masks), dtype=np.intp)
            logits = subset_logits(design, path[0])
        else:
            paths = [
                subset_path(design[~held], y[~held], columns, ALPHAS, start=path) for held in inner
            ]
            losses = sum(
                held_out_losses(design[held], y[held], one)
                for held, one in zip(inner, paths, strict=True)
            )
            picked = np.argmin(losses, axis=0)
            logits = np.empty((len(y), len(masks)))
            for held, one in zip(inner, paths, strict=True):
                logits[held] = subset_logits(design[held], _at(one, picked))
        answer = subset_logits(tamed.transform(new), _at(path, picked))
        calibrate = rarer_groups(y, groups) >= LEAST_TO_CALIBRATE
        for s in range(len(masks)):
            temperature = 1.0
            if calibrate:
                temperature = TemperatureCalibrator().fit_logits(logits[:, s], y).temperature_
            out_of_fold = expit(logits[:, s] / temperature)
            low, high = learned_clip(out_of_fold, y, groups) or (0.0, 1.0)
            answer[:, s] = np.clip(expit(answer[:, s] / temperature), low, high)
            logits[:, s] = np.clip(out_of_fold, low, high)
    return answer, losses_of(y, logits)


def _at(path: Array, picked: NDArray[np.intp]) -> Array:
    """The coefficients (s, k + 1) of each subset at its penalty."""
    return np.asarray(path[picked, np.arange(path.shape[1])])


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
    table = pd.DataFrame(
        {
            "models": [tuple(names[j] for j in np.flatnonzero(mask)) for mask in masks],
            "size": masks.sum(axis=1),
            "log_loss": values,
            "low": [one.low for one in intervals],
            "high": [one.high for one in intervals],
            "difference": difference,
            "standard_error": error,
        }
    )
    return pd.concat([table, spent], axis=1)


def _intervals(sums: Array, counts: Array, n_boot: int, seed: int) -> list[Interval]:
    """Mean and 95 % group-bootstrap interval of each column of losses summed by group, (g, s)."""
    with threadpool_limits(limits=1, user_api="blas"):
        return mean_intervals(sums, counts, n_boot=n_boot, seed=seed)
