"""The cells of a column as numbers, labels, folds or ids, or an error on the first bad one."""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.words import count

#: Cells that mean "missing" in a column of numbers. In a column of text only the empty cell does.
MISSING = ("", "na", "n/a", "nan", "none", "null", "<na>", "-nan", "#n/a")

# A number as Python writes an array or a tensor of it: [0.97], tensor([[0.97]], device='cuda:0'),
# np.float32(0.97), <tf.Tensor: shape=(), dtype=float32, numpy=0.97>.
_SIGNED = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf|nan"
_WRAPPED = (
    r"^['\"]?(?:<tf\.Tensor:.*numpy=)?(?:[a-z_][\w.]*\()?[\[(\s]*"
    rf"(?P<number>{_SIGNED})"
    r"[\])\s,]*(?:[a-z_]+=[^\[]*)?\)?>?['\"]?$"
)
# What holds numbers in every cell, but none that is read: such a column is no words to leave out.
_NEARLY = (
    (r"^[+-]?\d*,\d+$", "a decimal comma"),
    (r"^[+-]?[\d.,]+\s*%$", "a percent sign"),
    (
        "^[+-]?[1-9]\\d{0,2}(?:[ '\u2019,\u00a0\u202f]\\d{3})+(?:\\.\\d+)?$",
        "marks between thousands",
    ),
    (r"^\{.*\}$", "several fields"),
    (rf"^(?:[a-z_][\w.]*\()?[\[(\s]*(?:{_SIGNED})[,\s]+(?:{_SIGNED})\s*[\])]", "two numbers"),
)

#: How far beyond 0 and 1 a probability may lie: some roundings of float32.
ROUNDING = 1e-6


#: Characters of a cell that an error repeats.
_LONGEST_CELL = 80


def bad_cell(
    problem: str,
    column: "pd.Series[Any]",
    rows: NDArray[np.intp],
    ids: "pd.Series[Any]",
    source: str,
    remedy: str,
) -> InputError:
    """The error on the first of the bad `rows` (positions) of a column, and how many they are."""
    row = int(rows[0])
    value = column.iloc[row]
    cell = "an empty cell" if pd.isna(value) else repr(value)
    if len(cell) > _LONGEST_CELL:
        cell = cell[:_LONGEST_CELL] + "..."
    return InputError(
        f"{cell} {problem} ({count(len(rows), 'such cell')})",
        file=source,
        row=row + 1,
        video=str(ids.iloc[row]),
        column=str(column.name),
        remedy=remedy,
    )


def as_text(column: pd.Series) -> pd.Series:
    """The column as `string`; whole floats without `.0`, empty cells missing."""
    if pd.api.types.is_float_dtype(column.dtype):
        numbers = column.dropna()
        if (numbers == numbers.round()).all() and numbers.abs().max() < 2**53:
            column = column.astype("Int64")
    words = column.astype("string")
    return words.mask(words == "")


def parse_ids(column: "pd.Series[str]", source: str, else_do: str = "") -> "pd.Series[str]":
    """The ids of the rows, none missing and none twice.

    Args:
        else_do: what else the user can do where one is there twice.

    Raises:
        InputError: one is.
    """

    def refused(problem: str, rows: NDArray[np.intp], remedy: str) -> InputError:
        row, name = int(rows[0]) + 1, str(column.name)
        return InputError(problem, file=source, row=row, column=name, remedy=remedy)

    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise refused(
            f"the id is missing ({count(len(missing), 'such row')})",
            missing,
            "give every row the id of its video",
        )
    broken = np.flatnonzero(column.astype("string").str.contains("[\r\n]", regex=True))
    if len(broken):
        raise refused(
            f"the id {str(column.iloc[broken[0]])[:40]!r} goes over several lines",
            broken,
            'a quotation mark (") before it is not closed in its line: remove it',
        )
    twice = np.flatnonzero(column.duplicated())
    if len(twice):
        name_twice = column.iloc[twice[0]]
        first = int(np.flatnonzero(column == name_twice)[0])
        raise refused(
            f"the video {str(name_twice)!r} is in row {first + 1} already "
            f"({count(len(twice), 'repeated row')})",
            twice,
            f"keep one row a video{else_do}",
        )
    return column


def parse_numbers(
    column: "pd.Series[Any]", ids: "pd.Series[Any]", source: str
) -> NDArray[np.float64] | None:
    """The column as float64 with NaN for missing, or None when it is text (or yes/no) throughout.

    A number in brackets, as arrays and tensors are written, is that number.

    Raises:
        InputError: some cells are numbers and some are text, or all have a decimal comma, a percent
            sign, marks between thousands or two numbers, which would be left out as if they
            were words.
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        return None
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    words, known, numbers = _numbers(column)
    bad = np.flatnonzero(known & np.isnan(numbers))
    if len(bad) < known.sum() and len(bad):
        remedy = "correct the cell, leave it empty if the score is missing, or drop the column"
        raise bad_cell("is not a number", words, bad, ids, source, remedy)
    if not len(bad):
        return numbers
    there = words[known]
    for pattern, what in _NEARLY:
        if there.str.contains(pattern, case=False).all():
            remedy = "write numbers like 0.93, or drop the column"
            raise bad_cell(f"has {what}", words, bad, ids, source, remedy)
    return None


def rounded_to_probabilities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values with 0 or 1 for what lies beyond by rounding: a float32 softmax says 1.0000001.

    Other values stay as they are, in range or not.
    """
    with np.errstate(invalid="ignore"):
        beyond = np.abs(values - 0.5) <= 0.5 + ROUNDING
    return np.where(beyond, np.clip(values, 0.0, 1.0), values)


def parse_folds(column: "pd.Series[Any]", ids: "pd.Series[Any]", source: str) -> "pd.Series[Any]":
    """Folds as nullable Int16.

    Raises:
        InputError: a cell is not a whole number from 0 to 32767.
    """
    words, known, numbers = _numbers(column)
    with np.errstate(invalid="ignore"):
        good = (numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < 2**15)
    bad = np.flatnonzero(known & ~good)
    if len(bad):
        remedy = "number the folds 0, 1, 2 and so on"
        raise bad_cell("is not a fold", words, bad, ids, source, remedy)
    return pd.Series(numbers, index=column.index, name=column.name).astype("Int16")


def _known(words: "pd.Series[str]") -> NDArray[np.bool_]:
    """Where a cell that should be a number says something."""
    return (words.notna() & ~words.str.lower().isin(MISSING)).to_numpy(dtype=bool)


def _numbers(
    column: "pd.Series[Any]",
) -> tuple["pd.Series[str]", NDArray[np.bool_], NDArray[np.float64]]:
    """The cells as words; where they say something; and as numbers, NaN where they are none."""
    words = column.astype("string").str.strip()
    known = _known(words)
    numbers = pd.to_numeric(words.where(known), errors="coerce")
    if (numbers.isna() & known).any():
        words = words.str.replace("\u2212", "-")  # the minus sign of typesetters
        inner = words.str.extract(_WRAPPED, flags=re.IGNORECASE)["number"].fillna(words)
        known = known & _known(inner)
        numbers = pd.to_numeric(inner.where(known), errors="coerce")
    return words, known, numbers.to_numpy(dtype=np.float64, na_value=np.nan)
