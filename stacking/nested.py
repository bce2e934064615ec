"""The honest estimate: outer group folds judge what inner folds have learned."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.base import clone

from calibration import AffineCalibrator
from predictions.errors import InputError
from predictions.folds import check_folds
from predictions.progress import Progress, silent
from stacking.learner import Array
from stacking.stack import Stack, is_score_column


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
        InputError: labels other than 0 and 1, a split group, one fold, or one class in training.
    """
    labels = check_labels(y, len(X))
    fold = np.asarray(folds)
    owner = np.arange(len(X)) if groups is None else np.asarray(groups)
    if len(fold) != len(X) or len(owner) != len(X):
        raise InputError(
            f"{len(X)} rows of scores, but {len(fold)} folds and {len(owner)} groups; "
            "give one of each for every row."
        )
    check_folds(fold, owner)
    names = np.unique(fold)
    if len(names) < 2:
        raise InputError("all rows lie in one fold; give at least 2 folds.")
    for name in names:
        taught = labels[fold != name]
        if taught.min() == taught.max():
            only = "FAKE" if taught[0] else "REAL"
            raise InputError(
                f"the rows outside fold {name} are all {only}; "
                "give fewer folds or more groups of the other class."
            )
    scores = [column for column in X.columns if is_score_column(column)]
    kind = {column: (kinds or {}).get(str(column), "raw") for column in scores}
    jobs = (delayed(_one_fold)(stack, X, labels, owner, fold == name, kind) for name in names)
    answer = pd.DataFrame(
        np.nan,
        index=X.index,
        columns=[*(f"base/{column}" for column in scores), "mean", "stacked", "calibrated"],
    )
    filled = answer.to_numpy(copy=True)
    results = Parallel(n_jobs=stack.n_jobs, return_as="generator")(jobs)
    for done, (name, values) in enumerate(zip(names, results, strict=True), start=1):
        filled[fold == name] = values
        progress("nested folds", done, len(names))
    return pd.DataFrame(filled, index=answer.index, columns=answer.columns)


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


def _one_fold(
    stack: Stack, X: pd.DataFrame, y: Array, groups: Any, held: Any, kinds: Mapping[Any, str]
) -> Array:
    base = base_probabilities(X, y, held, kinds)
    fitted = clone(stack).set_params(n_jobs=1).fit(X[~held], y[~held], groups=groups[~held])
    stages = fitted.predict_stages(X[held]).to_numpy()
    return np.column_stack([base, base.mean(axis=1), stages])
