"""Outer folds: which rows teach and which are judged, checked once for every estimate."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from predictions.errors import InputError
from predictions.folds import check_folds
from predictions.groups import group_codes
from stacking.inputs import Array, Codes, Rows, checked_labels, in_order


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

    @classmethod
    def in_order(
        cls, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None, folds: ArrayLike
    ) -> tuple[pd.DataFrame, Self]:
        """The table with rows and columns in an order of their own, and the folds of its rows.

        Raises:
            InputError: as `of`.
        """
        outer = cls.of(y, groups, folds, len(X))
        place = np.column_stack(outer.held).argmax(axis=1)
        X, rows = in_order(X, outer.labels, place, outer.groups)
        held = [one[rows] for one in outer.held]
        return X, cls(outer.labels[rows], group_codes(outer.groups[rows], len(X)), held)
