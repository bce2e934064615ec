"""The honest estimate: what fits that knew neither a row nor its group say of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from calibration import AffineCalibrator
from predictions.order import column_order
from predictions.parallel import side_by_side
from predictions.progress import Progress, silent
from stacking.estimate.outer_folds import OuterFolds
from stacking.inputs import Array, Codes, Rows, as_table, is_score_column, refuse_enormous
from stacking.procedure import Procedure
from stacking.stack import Stack


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
    """
    X = as_table(X)
    outer = OuterFolds.of(y, groups, folds, len(X))
    kind = kinds_of(X, kinds)
    splits = [(~held, held) for held in outer.held]
    columns = stage_columns(kind)
    filled = np.full((len(X), len(columns)), np.nan)
    judged = judge_splits(procedure, X, outer.labels, outer.groups, splits, kind)
    progress("nested folds", 0, len(splits))
    for done, (held, values) in enumerate(zip(outer.held, judged, strict=True), start=1):
        filled[held] = values
        progress("nested folds", done, len(splits))
    return pd.DataFrame(filled, index=X.index, columns=columns)


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
    judged = Procedure.of(procedure)
    alone = judged.with_jobs(1)
    work = ((alone, X[train], y[train], groups[train], X[test], kinds) for train, test in splits)
    return side_by_side(_judge, work, judged.stack.n_jobs)


def _judge(
    procedure: Procedure,
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
    new: pd.DataFrame,
    kinds: Mapping[Any, str],
) -> Array:
    """The `stage_columns` of the new rows, (m, columns)."""
    base = base_probabilities(X, y, new, kinds)
    stages = procedure.fit(X, y, groups).predict_stages(new)
    places = list(kinds)
    by_name = base[:, [places.index(name) for name in column_order(places)]]
    return np.column_stack([base, by_name.mean(axis=1), stages.to_numpy()])


def base_probabilities(
    X: pd.DataFrame, y: Array, new: pd.DataFrame, kinds: Mapping[Any, str]
) -> Array:
    """Each model's own probability of FAKE of the new rows, (m, models), learned from X and y."""
    share = (y.sum() + 0.5) / (len(y) + 1.0)
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
