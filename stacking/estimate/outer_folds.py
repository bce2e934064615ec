"""Outer folds: which rows teach and which are judged, checked once for every estimate."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from predictions.errors import InputError
from predictions.folds import check_folds
from stacking.inputs import Array, Codes, Rows, checked_labels


@dataclass(frozen=True)
class OuterFolds:
    """Labelled rows and the folds that judge them, no group in two.

    Attributes:
        labels: (n,) 1.0 = FAKE, 0.0 = REAL.
        groups: (n,) codes, in the order of the groups' names.
        held: of each fold the rows that it judges, (n,); all others teach.
    """

    labels: Array
    groups: Codes
    held: list[Rows]

    @classmethod
    def of(cls, y: ArrayLike, groups: ArrayLike | None, folds: ArrayLike, n: int) -> Self:
        """The folds of n rows.

        Args:
            y: (n,) 1 = FAKE, 0 = REAL, none missing.
            groups: (n,) what is never split, or None when each row is its own.
            folds: (n,) fold of each row.

        Raises:
            InputError: another length, labels other than 0 and 1, a row without a group, a split
                group, one fold, or one class outside a fold.
        """
        labels, codes = checked_labels(y, groups, n)
        fold = np.asarray(folds)
        check_folds(fold, np.arange(n) if groups is None else np.asarray(groups))
        names = np.unique(fold)
        if len(names) < 2:
            raise InputError("all rows lie in one fold", remedy="give at least 2 folds")
        for name in names:
            taught = labels[fold != name]
            if taught.min() == taught.max():
                raise InputError(
                    f"the rows outside fold {name} are all {'FAKE' if taught[0] else 'REAL'}",
                    remedy="give fewer folds or more groups of the other class",
                )
        return cls(labels, codes, [fold == name for name in names])
