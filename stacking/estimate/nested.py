"""The honest estimate: what fits that knew neither a row nor its group say of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from calibration import AffineCalibrator
from predictions.groups import group_codes
from predictions.order import column_order
from predictions.parallel import Piece, side_by_side
from predictions.progress import Progress, silent
from stacking.ensembles.judge import subset_probabilities
from stacking.estimate.missing import share_for_missing
from stacking.estimate.outer_folds import OuterFolds
from stacking.inputs import Array, Codes, Rows, as_table, in_order, is_score_column, refuse_enormous
from stacking.procedure import FittedProcedure, Procedure
from stacking.recording import RecordingStack
from stacking.sampling import rows_that_teach
from stacking.stack import Stack

_Judged = TypeVar("_Judged")


@dataclass(frozen=True)
class NestedEstimate:
    """Out-of-fold probabilities of FAKE, of rows that taught nothing.

    Attributes:
        stages: as of `nested_predictions`.
        alternatives: index of X; what was tried beside the stack, in every outer fold:
            `alone/MODEL` (a detector with a map of its own) and `ensemble/m` (the m detectors that
            forward selection takes), both by an L2-logistic regression (`ensembles.judge`);
            `meta/NAME` and `calibrator/NAME` (`RecordingStack.predict_alternatives`).

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from predictions import assign_folds
        >>> from stacking import Stack, nested_estimate
        >>> folds = assign_folds(y, actor)
        >>> estimate = nested_estimate(Stack(meta="logistic"), X, y, actor, folds)
        >>> len(estimate.stages) == len(estimate.alternatives)
        True
    """

    stages: pd.DataFrame
    alternatives: pd.DataFrame


def nested_predictions(
    procedure: Procedure | Stack,
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    kinds: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Out-of-fold probabilities of FAKE after every stage, for rows that taught nothing.

    For each outer fold the procedure is fitted on the other folds and applied to it.

    Args:
        procedure: what is judged, or an unfitted Stack; its `n_jobs` folds are fitted side by side.
        X: (n, k) logits or raw scores, a column a model; NaN = missing. A matrix's columns are
            called x0, x1, ...
        y: (n,) 1 = FAKE, 0 = REAL, none missing.
        groups: (n,) what is never split, or None when each row is its own.
        folds: (n,) outer fold of each row.
        kinds: "probability", "logit" or "raw" a model. X holds logits for the first two; a raw
            score becomes a probability by Platt's map, fitted on the training folds.

    Returns:
        Index of X; columns `base/<model>` a model, `mean` of those, `stacked`, `calibrated`.
        A missing base score counts as the training folds' share of fakes.

    Raises:
        InputError: labels other than 0 and 1, a split group, one fold, one class in training, or an
            infinite or enormous score.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from predictions import assign_folds
        >>> from stacking import Stack, nested_predictions
        >>> folds = assign_folds(y, actor)
        >>> oof = nested_predictions(Stack(meta="logistic"), X, y, actor, folds)
        >>> list(oof)
        ['base/a', 'base/b', 'mean', 'stacked', 'calibrated']
    """
    X = as_table(X)
    outer = OuterFolds.of(y, groups, folds, len(X))
    kind = kinds_of(X, kinds)
    columns = stage_columns(kind)
    filled = np.full((len(X), len(columns)), np.nan)
    judged = judge_splits(procedure, X, outer.labels, outer.groups, _splits(outer), kind)
    for held, values in _one_by_one(outer, judged, progress):
        filled[held] = values
    return pd.DataFrame(filled, index=X.index, columns=columns)


def nested_estimate(
    procedure: Procedure | Stack,
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    kinds: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> NestedEstimate:
    """`nested_predictions`, and what the same fits make of the alternatives.

    Args, bad input: as `nested_predictions`.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from predictions import assign_folds
        >>> from stacking import Stack, nested_estimate
        >>> folds = assign_folds(y, actor)
        >>> estimate = nested_estimate(Stack(meta="logistic"), X, y, actor, folds)
        >>> list(estimate.stages)[-1], "alone/a" in estimate.alternatives
        ('calibrated', True)
    """
    return _estimated(procedure, X, y, groups, folds, kinds, progress)[0]


def fit_and_estimate(
    procedure: Procedure | Stack,
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    kinds: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> tuple[FittedProcedure, NestedEstimate]:
    """The procedure fitted on all rows, side by side with the fits of its `nested_estimate`.

    Args, bad input: as `nested_predictions`.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from predictions import assign_folds
        >>> from stacking import Stack, fit_and_estimate
        >>> folds = assign_folds(y, actor)
        >>> fitted, estimate = fit_and_estimate(Stack(meta="logistic"), X, y, actor, folds)
        >>> list(fitted.predict_stages(X[:2])), len(estimate.stages)
        (['stacked', 'calibrated'], 120)
    """
    whole = Procedure.of(procedure)
    fit = (Procedure.fit, whole.with_jobs(1), as_table(X), y, groups)
    estimate, coming = _estimated(whole, X, y, groups, folds, kinds, progress, fit)
    progress("the stack on all rows", 0, 1)
    fitted: FittedProcedure = next(coming)
    fitted.stack.set_params(n_jobs=whole.stack.n_jobs)
    progress("the stack on all rows", 1, 1)
    return fitted, estimate


def _estimated(
    procedure: Procedure | Stack,
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    kinds: Mapping[str, str] | None,
    progress: Progress,
    *further: Piece,
) -> tuple[NestedEstimate, Iterator[Any]]:
    """The estimate, and the results of `further` pieces for `_called`, worked on beside it."""
    X = as_table(X)
    outer = OuterFolds.of(y, groups, folds, len(X))
    kind = kinds_of(X, kinds)
    columns = stage_columns(kind)
    whole = Procedure.of(procedure)
    pieces = _pieces(
        _judge_with_alternatives, whole, X, outer.labels, outer.groups, _splits(outer), kind
    )
    done = side_by_side(_called, chain(pieces, further), whole.stack.n_jobs)
    filled = np.full((len(X), len(columns)), np.nan)
    places, alternatives = [], []
    for held, (values, table) in _one_by_one(outer, done, progress):
        filled[held] = values
        places.append(np.flatnonzero(held))
        alternatives.append(table)
    back = np.argsort(np.concatenate(places), kind="stable")
    others = pd.concat(alternatives, join="inner").iloc[back]
    estimate = NestedEstimate(
        pd.DataFrame(filled, index=X.index, columns=columns), others.set_axis(X.index)
    )
    return estimate, done


def kinds_of(X: pd.DataFrame, kinds: Mapping[str, str] | None) -> dict[Any, str]:
    """What each detector's column of X holds: "raw" where `kinds` does not say.

    Raises:
        InputError: an infinite or enormous number in any column.
    """
    refuse_enormous(X.to_numpy(np.float64), X.columns)
    return {
        column: (kinds or {}).get(str(column), "raw")
        for column in X.columns
        if is_score_column(column)
    }


def stage_columns(kinds: Mapping[Any, str]) -> list[str]:
    """The columns of `nested_predictions` for the detectors of `kinds_of`."""
    return [*(f"base/{column}" for column in kinds), "mean", "stacked", "calibrated"]


def judge_splits(
    procedure: Procedure | Stack,
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
    splits: Sequence[tuple[Rows, Rows]],
    kinds: Mapping[Any, str],
) -> Iterator[Array]:
    """The `stage_columns` of the rows that each split judges, from a fit on those that teach.

    Args:
        procedure: its `n_jobs` fits run side by side.
        X, y, groups: as checked, all rows.
        splits: rows that teach and rows that are judged, (n,) each.
        kinds: of `kinds_of`.
    """
    whole = Procedure.of(procedure)
    pieces = _pieces(_judge, whole, X, y, groups, splits, kinds)
    return side_by_side(_called, pieces, whole.stack.n_jobs)


def _splits(outer: OuterFolds) -> list[tuple[Rows, Rows]]:
    return [(~held, held) for held in outer.held]


def _one_by_one(
    outer: OuterFolds, judged: Iterator[_Judged], progress: Progress
) -> Iterator[tuple[Rows, _Judged]]:
    """The rows of each outer fold with what was judged of them, as it comes."""
    progress("nested folds", 0, len(outer.held))
    for done, (held, values) in enumerate(zip(outer.held, judged, strict=False), start=1):
        yield held, values
        progress("nested folds", done, len(outer.held))


def _pieces(
    judge: Callable[..., Any],
    procedure: Procedure,
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
    splits: Sequence[tuple[Rows, Rows]],
    kinds: Mapping[Any, str],
) -> Iterator[Piece]:
    """For `_called`, one at a time: each holds a copy of most rows."""
    alone = procedure.with_jobs(1)
    for train, test in splits:
        yield judge, alone, X[train], y[train], groups[train], X[test], kinds


def _called(work: Callable[..., _Judged], *arguments: Any) -> _Judged:
    return work(*arguments)


def _judge(
    procedure: Procedure,
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
    new: pd.DataFrame,
    kinds: Mapping[Any, str],
) -> Array:
    """The `stage_columns` of the new rows, (m, columns)."""
    return stages_of(procedure.fit(X, y, groups), X, y, new, kinds)


def _judge_with_alternatives(
    procedure: Procedure,
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
    new: pd.DataFrame,
    kinds: Mapping[Any, str],
) -> tuple[Array, pd.DataFrame]:
    """The same, and the `NestedEstimate.alternatives` of the new rows."""
    recording = RecordingStack(**procedure.stack.get_params())
    fitted = replace(procedure, stack=recording).fit(X, y, groups)
    models = column_order(list(kinds))
    names, masks = [f"alone/{model}" for model in models], np.eye(len(models), dtype=bool)
    if fitted.ensemble is not None:
        lengths = fitted.ensemble.table
        names += [f"ensemble/{size}" for size in lengths["size"]]
        masks = np.vstack([masks, [np.isin(models, some) for some in lengths["models"]]])
    # Inner folds are made in the order of the rows.
    taught, order = in_order(fitted.by_rule(X)[models], y, groups)
    part, _ = rows_that_teach(len(taught), procedure.stack.seed)
    taught, order = taught.iloc[part], order[part]
    p = subset_probabilities(
        taught.to_numpy(np.float64),
        y[order],
        group_codes(groups[order], len(order)),
        fitted.by_rule(new)[models].to_numpy(np.float64),
        masks,
        procedure.stack.seed,
    )
    alternatives = pd.DataFrame(p, index=new.index, columns=names)
    if isinstance(fitted.stack, RecordingStack):
        further = fitted.stack.predict_alternatives(fitted.by_rule(new))
        alternatives[list(map(str, further))] = further.to_numpy()
    return stages_of(fitted, X, y, new, kinds), alternatives


def stages_of(
    fitted: FittedProcedure, X: pd.DataFrame, y: Array, new: pd.DataFrame, kinds: Mapping[Any, str]
) -> Array:
    base = base_probabilities(X, y, new, kinds)
    stages = fitted.predict_stages(new)
    places = list(kinds)
    by_name = base[:, [places.index(name) for name in column_order(places)]]
    return np.column_stack([base, by_name.mean(axis=1), stages.to_numpy()])


def base_probabilities(
    X: pd.DataFrame, y: Array, new: pd.DataFrame, kinds: Mapping[Any, str]
) -> Array:
    """Each model's own probability of FAKE of the new rows, (m, models), learned from X and y."""
    share = share_for_missing(y.sum(), len(y))
    probability = np.full((len(new), len(kinds)), share)
    for j, (column, kind) in enumerate(kinds.items()):
        known, seen = X[column].to_numpy(np.float64), new[column].to_numpy(np.float64)
        taught, there = ~np.isnan(known), ~np.isnan(seen)
        if kind != "raw":
            probability[there, j] = expit(seen[there])
        elif there.any() and taught.any() and y[taught].min() < y[taught].max():
            platt = AffineCalibrator().fit_logits(known[taught], y[taught])
            probability[there, j] = expit(platt.map_logits(seen[there]))
    return probability
