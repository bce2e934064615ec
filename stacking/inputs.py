"""What fits and estimates take, checked at the door: scores, labels and groups."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from calibration.inputs import binary_targets, check_labels
from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.logits import LARGEST_SCORE
from predictions.order import column_order, row_order
from predictions.words import count

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
Rows = NDArray[np.bool_]


def is_score_column(name: object) -> bool:
    """Whether a column holds a detector's score; `MODEL:feature` columns are frame statistics.

    Examples:
        >>> from stacking import is_score_column
        >>> is_score_column("xception"), is_score_column("xception:spread")
        (True, False)
    """
    return ":" not in str(name)


def model_of(name: object) -> str:
    """The detector whose score or frame statistic a column holds."""
    return str(name).partition(":")[0]


def as_table(X: Any) -> pd.DataFrame:
    """Scores as a table; the columns of a matrix are called x0, x1, ..., as scikit-learn does."""
    if isinstance(X, pd.DataFrame):
        return X
    table = pd.DataFrame(np.asarray(X))
    return table.set_axis([f"x{column}" for column in table.columns], axis=1)


def checked_rows(estimator: BaseEstimator, X: Any, y: Any) -> tuple[Array, Array, NDArray[Any]]:
    """What `fit` of an estimator learns from: scores (n, k), labels (n,) of 0.0 and 1.0, classes.

    Raises:
        InputError: as checked_scores, or labels that are missing or the words REAL and FAKE.
        ValueError: (scikit-learn's words) more than two classes, textual scores, other lengths.
    """
    X, y = validate_data(estimator, X, y, dtype=np.float64, ensure_all_finite=False)
    refuse_enormous(X, getattr(estimator, "feature_names_in_", None))
    return X, *binary_targets(y, len(X))


def checked_scores(estimator: BaseEstimator, X: Any) -> Array:
    """Scores (n, k) to predict from, NaN where there is none, in the columns of fit.

    Raises:
        InputError: a score that is infinite or over 1e100 in size.
        ValueError: (scikit-learn's words) other columns than in fit, or textual scores.
    """
    X = validate_data(estimator, X, dtype=np.float64, ensure_all_finite=False, reset=False)
    refuse_enormous(X, getattr(estimator, "feature_names_in_", None))
    return np.asarray(X)


def refuse_enormous(X: Array, names: Any) -> None:
    """Refuse scores whose squares are no numbers; `names` of the columns, or None.

    Raises:
        InputError: it names the first such row and its column.
    """
    enormous = np.abs(X) > LARGEST_SCORE
    if not enormous.any():
        return
    row, column = np.argwhere(enormous)[0]
    value = X[row, column]
    name = str(column if names is None else names[column])
    if np.isinf(value):
        problem = f"the score is {'-' if value < 0 else ''}infinity"
        remedy = "give a finite score, or NaN where there is none"
    else:
        problem = f"{value:g} is no score"
        remedy = f"give scores of at most {LARGEST_SCORE:g} in size"
    raise InputError(problem, row=int(row) + 1, column=name, remedy=remedy)


def checked_labels(y: ArrayLike, groups: ArrayLike | None, n: int) -> tuple[Array, Codes]:
    """What an estimate judges n rows by: labels (n,) of 0.0 and 1.0, codes (n,) of the groups.

    Args:
        y: (n,) 1 = FAKE, 0 = REAL, none missing.
        groups: (n,) what is never split, numbered in the order of the names; None makes each row
            its own.

    Raises:
        InputError: another length, a label other than 0 and 1, or a row without a group.
    """
    labels = check_labels(y)
    if len(labels) != n:
        raise InputError(
            f"{count(n, 'row')} but {count(len(labels), 'label')}", remedy="give one label a row"
        )
    return labels, group_codes(groups, n, sort=True)


def in_order(X: pd.DataFrame, *keys: ArrayLike) -> tuple[pd.DataFrame, Codes]:
    """The table with columns and rows in an order of their own, and the place each row had.

    Args:
        X: (n, k) scores. keys: (n,) numbers that tell rows with the same scores apart.

    Raises:
        InputError: an infinite or enormous score; it names the row as it came.
    """
    values = X.to_numpy(np.float64)
    refuse_enormous(values, X.columns)
    X = X[column_order(X.columns)]
    rows = row_order(X.to_numpy(np.float64), *keys)
    return X.iloc[rows], rows
