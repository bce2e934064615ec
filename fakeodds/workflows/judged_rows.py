"""What rows must have to be judged: labels of both kinds, and folds that keep groups whole."""

from typing import Any

import pandas as pd

from predictions.errors import InputError
from predictions.folds import assign_folds, check_folds

#: Columns by whose values every stage is judged once more, and how many values that may be.
SLICED = ("dataset", "method")
_MOST_SLICES = 30


def check_labels(label: pd.Series, **where: Any) -> None:
    """Refuse labels that nothing can be judged by.

    Args:
        label: those that are known.
        where: they come from, as facts of the error.

    Raises:
        InputError: there are none, or only one of the two.
    """
    if label.empty:
        raise InputError(
            "no video has a label",
            expected="a label column with 1 = FAKE and 0 = REAL",
            remedy="name it with --label, or join one with --labels",
            **where,
        )
    if label.nunique() < 2:
        only, other = ("FAKE", "REAL") if label.iloc[0] == 1 else ("REAL", "FAKE")
        raise InputError(
            f"every labelled video is {only}, and detectors are judged on both",
            remedy=f"add {other} videos",
            **where,
        )


def outer_folds(rows: pd.DataFrame, n_splits: int, seed: int) -> pd.Series:
    """The folds that came with the rows, or new ones that keep groups whole."""
    if "fold" in rows and rows["fold"].notna().all():
        check_folds(rows["fold"], rows["group"])
        return rows["fold"].astype("int16")
    folds = assign_folds(rows["label"], rows["group"], n_splits, seed)
    return pd.Series(folds, index=rows.index, name="fold")


def sliced_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of `SLICED` that tell a few kinds of videos apart."""
    return [name for name in SLICED if name in rows and 2 <= rows[name].nunique() <= _MOST_SLICES]
