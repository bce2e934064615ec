"""The cells of one column of a scores file as numbers, or one sentence about the first bad one."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.tables.reader import MISSING

_LABELS = {"0": 0.0, "1": 1.0, "fake": 1.0, "real": 0.0}


def where(source: str, ids: "pd.Series[Any]", row: int, column: str) -> str:
    """`scores.csv, row 3 (video 'a.mp4'), column 'xception'`; the first data row is 1."""
    return f"{source}, row {row + 1} (video {str(ids.iloc[row])!r}), column {column!r}"


def parse_ids(column: "pd.Series[str]", source: str) -> "pd.Series[str]":
    """The ids of the rows, none missing and none twice."""
    name = str(column.name)
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise InputError(
            f"{source}, row {missing[0] + 1}, column {name!r}: the id is missing "
            f"({count(len(missing), 'such row')}); give every row the id of its video."
        )
    twice = np.flatnonzero(column.duplicated())
    if len(twice):
        name_twice = column.iloc[twice[0]]
        first = int(np.flatnonzero(column == name_twice)[0])
        raise InputError(
            f"{source}, row {twice[0] + 1}, column {name!r}: the video {str(name_twice)!r} is in "
            f"row {first + 1} already ({count(len(twice), 'repeated row')}); keep one row a video."
        )
    return column


def parse_numbers(
    column: "pd.Series[Any]", ids: "pd.Series[Any]", source: str
) -> NDArray[np.float64] | None:
    """The column as float64 with NaN for missing, or None when it is text (or yes/no) throughout.

    Raises:
        InputError: some cells are numbers and some are text.
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        return None
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    words = column.astype("string").str.strip()
    known = (words.notna() & ~words.str.lower().isin(MISSING)).to_numpy(dtype=bool)
    numbers = pd.to_numeric(words.where(known), errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    bad = np.flatnonzero(known & np.isnan(numbers))
    if len(bad) and len(bad) == known.sum():
        _refuse_other_notations(words, known, ids, source)
        return None
    if len(bad):
        raise InputError(
            f"{where(source, ids, int(bad[0]), str(column.name))}: {words.iloc[bad[0]]!r} is not a "
            f"number ({count(len(bad), 'such cell')}); correct the cell, leave it empty if the "
            "score is missing, or drop the column."
        )
    return numbers


def _refuse_other_notations(
    words: "pd.Series[str]", known: NDArray[np.bool_], ids: "pd.Series[Any]", source: str
) -> None:
    """Refuse numbers that are written otherwise, which would be left out as if they were words.

    Raises:
        InputError: every cell has a decimal comma or a percent sign.
    """
    there = words[known]
    for pattern, what in ((r"^[+-]?\d*,\d+$", "a decimal comma"), (r"%$", "a percent sign")):
        plain = there.str.replace(",", ".").str.removesuffix("%")
        if (
            there.str.contains(pattern).all()
            and pd.to_numeric(plain, errors="coerce").notna().all()
        ):
            row = int(np.flatnonzero(known)[0])
            raise InputError(
                f"{where(source, ids, row, str(words.name))}: {there.iloc[0]!r} has {what} "
                f"({count(len(there), 'such cell')}); write numbers like 0.93, or drop the column."
            )


def parse_labels(
    column: "pd.Series[Any]", ids: "pd.Series[Any]", source: str
) -> NDArray[np.float64]:
    """Labels as 1. (FAKE), 0. (REAL) or NaN (unknown), from numbers or the words FAKE and REAL.

    Raises:
        InputError: anything else.
    """
    words = column.astype("string").str.strip().str.lower()
    known = (words.notna() & ~words.isin(MISSING)).to_numpy(dtype=bool)
    words = words.str.replace(r"^([01])\.0*$", r"\1", regex=True)
    labels = np.asarray(words.map(_LABELS).to_numpy(np.float64, na_value=np.nan), np.float64)
    bad = np.flatnonzero(known & np.isnan(labels))
    if len(bad):
        raise InputError(
            f"{where(source, ids, int(bad[0]), str(column.name))}: {str(column.iloc[bad[0]])!r} is "
            f"not a label ({count(len(bad), 'such cell')}); a label is 1 or FAKE, 0 or REAL, or "
            "empty."
        )
    return labels


def parse_folds(column: "pd.Series[Any]", ids: "pd.Series[Any]", source: str) -> "pd.Series[Any]":
    """Folds as nullable Int16.

    Raises:
        InputError: a cell is not a whole number from 0 to 32767.
    """
    words = column.astype("string").str.strip()
    known = (words.notna() & ~words.str.lower().isin(MISSING)).to_numpy(dtype=bool)
    numbers = pd.to_numeric(words.where(known), errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    with np.errstate(invalid="ignore"):
        good = (numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < 2**15)
    bad = np.flatnonzero(known & ~good)
    if len(bad):
        raise InputError(
            f"{where(source, ids, int(bad[0]), str(column.name))}: {words.iloc[bad[0]]!r} is not a "
            f"fold ({count(len(bad), 'such cell')}); number the folds 0, 1, 2 and so on."
        )
    return pd.Series(numbers, index=column.index, name=column.name).astype("Int16")


def count(number: int, what: str) -> str:
    """`1 such row`, `3 such rows`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def first_names(names: Any, limit: int = 5) -> str:
    """`'a', 'b', 'c', ...`: the first names, and dots when there are more."""
    names = list(names)
    shown = ", ".join(repr(str(name)) for name in names[:limit])
    return shown + (", ..." if len(names) > limit else "")
