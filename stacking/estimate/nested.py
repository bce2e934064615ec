"""The honest estimate: outer group folds judge what inner folds have learned."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import clone

from calibration import AffineCalibrator
from predictions.errors import InputError
from predictions.folds import check_folds
from predictions.progress import Progress, silent
from stacking.learners.base import Array, refuse_enormous
from stacking.stack import Stack, is_score_column

Rows = NDArray[np.bool_]


def nested_predictions(
    stack: Stack,
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    kinds: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Out-of-fold probabilities of FAKE after every stage, for rows that taught nothing.

    For each outer fold a clone of `stack` is fitted on the other folds and applied to it.

    Args:
        stack: an unfitted Stack; its `n_jobs` folds are fitted side by side.
        X: (n, k) logits or raw scores, a column a model; NaN = missing.
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
    labels = check_labels(y, len(X))
    kind = kinds_of(X, kinds)
    fold = np.asarray(folds)
    owner = np.arange(len(X)) if groups is None else np.asarray(groups)
    if len(fold) != len(X) or len(owner) != len(X):
        raise InputError(
            f"{len(X)} rows of scores, but {len(fold)} folds and {len(owner)} groups; "
            "give one of each for every row."
        )
    parts = outer_parts(labels, owner, fold)
    jobs = (delayed(judge_fit)(stack, X, labels, owner, ~held, held, kind) for held in parts)
    columns = stage_columns(kind)
    filled = np.full((len(X), len(columns)), np.nan)
    progress("nested folds", 0, len(parts))
    results = Parallel(n_jobs=stack.n_jobs, return_as="generator")(jobs)
    for done, (held, values) in enumerate(zip(parts, results, strict=True), start=1):
        filled[held] = values
        progress("nested folds", done, len(parts))
    return pd.DataFrame(filled, index=X.index, columns=columns)


def outer_parts(y: Array, groups: NDArray[Any], folds: ArrayLike) -> list[Rows]:
    """The rows of each outer fold, as masks (n,).

    Raises:
        InputError: a split group, one fold, or one class outside a fold.
    """
    fold = np.asarray(folds)
    check_folds(fold, groups)
    names = np.unique(fold)
    if len(names) < 2:
        raise InputError("all rows lie in one fold; give at least 2 folds.")
    for name in names:
        taught = y[fold != name]
        if taught.min() == taught.max():
            raise InputError(
                f"the rows outside fold {name} are all {'FAKE' if taught[0] else 'REAL'}; "
                "give fewer folds or more groups of the other class."
            )
    return [fold == name for name in names]


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


def check_labels(y: ArrayLike, n: int) -> Array:
    """Labels (n,) as floats.

    Raises:
        InputError: another length, or a value other than 0 and 1.
    """
    values = np.asarray(y)
    if values.shape != (n,):
        raise InputError(f"expected one label for each of {n} rows, got shape {values.shape}.")
    labels = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isin(labels, [0.0, 1.0]))
    if len(wrong):
        found = str(values[wrong[0]])
        raise InputError(
            f"the label of row {wrong[0]} is {found!r}; give 1 for FAKE or 0 for REAL."
        )
    return labels


def base_probabilities(X: pd.DataFrame, y: Array, held: Any, kinds: Mapping[Any, str]) -> Array:
    """Each model's own probability of FAKE on the held-out rows, (held, models)."""
    share = (y[~held].sum() + 0.5) / ((~held).sum() + 1.0)
    columns = []
    for column, kind in kinds.items():
        values = X[column].to_numpy(np.float64)
        seen = values[held]
        there = ~np.isnan(seen)
        taught = ~held & ~np.isnan(values)
        probability = np.full(len(seen), share)
        if kind != "raw":
            probability[there] = expit(seen[there])
        elif there.any() and taught.any() and y[taught].min() < y[taught].max():
            platt = AffineCalibrator().fit_logits(values[taught], y[taught])
            probability[there] = expit(platt.map_logits(seen[there]))
        columns.append(probability)
    return np.column_stack(columns)


def judge_fit(
    stack: Stack,
    X: pd.DataFrame,
    y: Array,
    groups: NDArray[Any],
    train: Rows,
    test: Rows,
    kinds: Mapping[Any, str],
) -> Array:
    """The `stage_columns` of the rows in `test`, from a clone fitted on those in `train`, (n,)."""
    used = train | test
    base = base_probabilities(X[used], y[used], test[used], kinds)
    fitted = clone(stack).set_params(n_jobs=1).fit(X[train], y[train], groups=groups[train])
    stages = fitted.predict_stages(X[test]).to_numpy()
    return np.column_stack([base, base.mean(axis=1), stages])
