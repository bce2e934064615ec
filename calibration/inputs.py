"""Checks that every measure shares: labels, probabilities, weights."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.order import row_order
from predictions.words import count

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def check_labels(y: ArrayLike) -> Floats:
    """Labels as float64 of shape (n,): 1 = FAKE, 0 = REAL.

    Raises:
        InputError: no rows, or a label that is neither 0 nor 1.
    """
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.size == 0:
        raise InputError(
            f"the labels have the shape {labels.shape}",
            expected="one column with at least one row",
        )
    return check_labels_in(labels)


def check_labels_in(y: ArrayLike) -> Floats:
    """Labels as float64 of any shape: 1 = FAKE, 0 = REAL.

    Raises:
        InputError: a label that is neither 0 nor 1; of the first one's row.
    """
    try:
        labels = np.asarray(y).astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "labels must be numbers", expected="1 = FAKE and 0 = REAL", remedy="convert them"
        ) from None
    wrong = (labels != 0) & (labels != 1)
    if wrong.any():
        first = labels[wrong][0]
        row = int(np.argwhere(np.atleast_1d(wrong))[0][0])
        raise InputError(f"the label is {first:g}", row=row + 1, expected="1 (FAKE) or 0 (REAL)")
    return labels


def binary_targets(y: ArrayLike, n: int) -> tuple[Floats, NDArray[Any]]:
    """Labels of any two names as targets (n,) of 0.0 and 1.0, and the sorted names (2,) they mean.

    The greater name (1 = FAKE) is target 1. With a single name all targets are alike, and the
    names may be fewer; numbers in a column of objects are numbers.

    Raises:
        InputError: another length, a label that is missing, or the words REAL and FAKE.
        ValueError: more than two names, or none that classes have (scikit-learn's words).
    """
    labels = column_or_1d(y, warn=True)
    if labels.dtype == object:
        labels = _plain(labels)
    if len(labels) != n:
        raise InputError(
            f"{count(n, 'score')} but {count(len(labels), 'label')}",
            remedy="give one label a score",
        )
    if labels.dtype.kind in "biuf" and bool(np.all((labels == 0) | (labels == 1))):
        # The usual case, kept off scikit-learn's slower look at what kind of labels these are.
        return labels.astype(np.float64), np.array([0, 1], dtype=labels.dtype)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError(
            "the label is NaN or infinity",
            row=int(np.flatnonzero(~np.isfinite(labels))[0]) + 1,
            remedy="give every row to learn from 0 or 1",
        )
    check_classification_targets(labels)
    classes = np.unique(labels)
    if {str(name).strip().lower() for name in classes} <= {"fake", "real"}:
        # Sorted, REAL would come last and be the label whose probability is meant.
        raise InputError(
            "the labels are the words REAL and FAKE", remedy="give 0 for REAL and 1 for FAKE"
        )
    if len(classes) > 2:
        raise ValueError(
            "Only binary classification is supported. The type of the target is multiclass."
        )
    return (labels == classes[-1]).astype(np.float64), classes


def _plain(labels: NDArray[Any]) -> NDArray[Any]:
    """Objects that are all numbers, as a column of a mixed table may be, as numbers."""
    numbers = all(isinstance(label, int | float | np.number | np.bool_) for label in labels)
    return np.array(labels.tolist()) if numbers and len(labels) else labels


def check_probability(p: ArrayLike, n: int) -> Floats:
    """Probabilities of FAKE as float64 of shape (n,).

    Raises:
        InputError: another length, or a value that is missing or outside [0, 1].
    """
    probability = np.asarray(p, dtype=np.float64)
    if probability.shape != (n,):
        raise InputError(
            f"the probabilities have the shape {probability.shape}", expected=f"{n}, one a label"
        )
    return check_probabilities_in(probability)


def check_probabilities_in(p: ArrayLike) -> Floats:
    """Probabilities of FAKE as float64 of any shape.

    Raises:
        InputError: a value that is missing or outside [0, 1]; of the first one's row.
    """
    probability = np.asarray(p, dtype=np.float64)
    outside = ~((probability >= 0) & (probability <= 1))
    if outside.any():
        first = probability[outside][0]
        row = int(np.argwhere(np.atleast_1d(outside))[0][0])
        raise InputError(f"the probability is {first}", row=row + 1, expected="one in [0, 1]")
    return probability


def check_weight(w: ArrayLike | None, n: int) -> Floats:
    """Weights as float64 of shape (n,), 1 a row where none are given.

    Raises:
        InputError: another length, a negative or infinite weight, or nothing but zeros.
    """
    if w is None:
        return np.ones(n)
    weight = np.asarray(w, dtype=np.float64)
    if weight.shape != (n,):
        raise InputError(
            f"the weights have the shape {weight.shape}", expected=f"{n} of them, one a row"
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        row = int(np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))[0])
        raise InputError(
            f"the weight is {weight[row]:g}", row=row + 1, expected="a finite one, 0 or more"
        )
    if not weight.any():
        raise InputError("all weights are zero", remedy="let at least one row count")
    return weight


def check_scored(
    y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Labels, probabilities and weights of the same n rows, each float64 of shape (n,)."""
    labels = check_labels(y)
    return labels, check_probability(p, len(labels)), check_weight(w, len(labels))


def check_judged(
    y: ArrayLike, p: ArrayLike, groups: ArrayLike | None
) -> tuple[Floats, Floats, Codes]:
    """Labels, probabilities and group codes of the same n rows, (n,) each, to be measured.

    With groups, the rows are put into one order and the groups are numbered by name, so that
    nothing depends on the order in which they came. Without, a row is known by its place alone.
    """
    labels, probability, _ = check_scored(y, p)
    codes = group_codes(groups, len(labels), sort=True)
    if groups is not None:
        order = row_order(codes, probability, labels)
        labels, probability, codes = labels[order], probability[order], codes[order]
    return labels, probability, codes
