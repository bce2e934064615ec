"""What a column can be: an id, a label, a number of the row, or scores that a detector gave.

Names are compared in small letters, with `_` for spaces and hyphens (`plain_name`).

- A **label** is `label` in any letters, else one of `LABEL_NAMES`, where every cell is a label (1,
  FAKE, 0, REAL or empty). One that is not taken for the label is never a detector.
- The **id** is a column of words that names every row once; dates name none.
- **No detector** gives whole numbers that rise or fall from row to row, numbers in a column that
  bears the name of an id, a row number or a time, or the label itself.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.tables.columns import MISSING, parse_labels
from predictions.words import count

#: Columns that hold the label, whatever its spelling.
LABEL_NAMES = (
    *("is_fake", "fake", "is_deepfake", "deepfake", "is_real", "real", "is_genuine", "genuine"),
    *("target", "class", "class_name", "category", "type", "labels", "y", "ground_truth"),
)
#: Those of them in which 1 is REAL.
REAL_QUESTIONS = ("is_real", "real", "is_genuine", "genuine")
_LABELS = ("label", "y_true", "truth", "gt", "label_id", *LABEL_NAMES, "targets")

#: Names of ids, the likeliest first.
_IDS = (
    *("video", "filename", "file_name", "file", "path", "video_id", "video_name", "name", "id"),
    "file_id",
)
#: Names of what tells rows apart without being known elsewhere.
_UNLIKELY_IDS = ("uuid", "guid", "hash", "md5", "sha256")
_ROW_NUMBERS = ("index", "level_0", "level_1", "row", "row_number", "row_id", "rownum", "idx")
_TIMES = ("timestamp", "time", "date", "datetime", "created", "created_at", "modified", "epoch")
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})?"
    r"[T ]?(\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?\s?(Z|UTC|[+-]\d{2}:?\d{2})?"
)

#: Rows from which whole numbers that always rise or fall, or that step by 1, are no scores.
_RISING_ROWS, _COUNTING_ROWS = 10, 5
#: Rows of each label from which two values that tell them apart without a mistake are the label.
_EACH_LABEL = 10


def plain_name(name: object) -> str:
    """A column's name as it is compared: `File Name` is `file_name`."""
    return re.sub(r"[\s\-]+", "_", str(name).strip()).lower()


def is_label_name(name: object) -> bool:
    """Whether a column of this name holds labels, where its cells are labels."""
    return plain_name(name) in _LABELS


def holds_labels(column: "pd.Series[Any]") -> bool:
    """Whether every cell is a label or empty, and some cell is one."""
    try:
        return bool(np.isfinite(parse_labels(column, column, "")).any())
    except InputError:
        return False


def label_column(table: pd.DataFrame, taken: Collection[str]) -> str | None:
    """The column that is the label by its name and its cells, those in `taken` aside."""
    names: dict[str, str] = {}
    for column in table.columns:
        if column not in taken:
            names.setdefault(plain_name(column), column)
    for name in _LABELS:
        if name in names and name not in REAL_QUESTIONS and holds_labels(table[names[name]]):
            return names[name]
    return None


def id_column(table: pd.DataFrame, taken: Collection[str]) -> str | None:
    """The column that names the rows, those in `taken` aside; None where no column can."""
    words = [name for name in table.columns if name not in taken and holds_words(table[name])]
    good = [name for name in words if not _holds_dates(table[name]) and table[name].is_unique]
    good = [name for name in good if table[name].notna().all()]
    undated = [name for name in words if not _holds_dates(table[name])]
    # Numbers may name videos too, where no words do and the column says so.
    numbers = [name for name in id_names(table.columns) - set(taken) if table[name].is_unique]
    for found in (good, sorted(numbers), undated, words):
        if found:
            return min(found, key=_likely_id)
    return None


def _likely_id(name: str) -> int:
    plain = plain_name(name)
    unlikely = len(_IDS) + (plain in _UNLIKELY_IDS)
    return _IDS.index(plain) if plain in _IDS else unlikely


def id_names(names: Iterable[str]) -> set[str]:
    """Those of the names that may be ids, whose cells are to be read as they are."""
    return {name for name in names if plain_name(name) in _IDS}


def holds_words(column: "pd.Series[Any]") -> bool:
    """Whether the column holds text other than numbers (yes and no are none)."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    words = column.astype("string").str.strip()
    known = words[words.notna() & ~words.str.lower().isin(MISSING)]
    return bool(pd.to_numeric(known, errors="coerce").isna().any())


def _holds_dates(column: "pd.Series[Any]") -> bool:
    words = column.dropna().astype("string").str.strip()
    return bool(words.map(lambda word: word != "" and _DATE.fullmatch(word) is not None).all())


def why_no_scores(column: "pd.Series[Any]", numbers: "np.ndarray[Any, Any]") -> str:
    """Why a column of numbers cannot be a detector's scores, or nothing.

    Args:
        column: as it was read, rows in the order of the file. numbers: its values, NaN = missing.
    """
    name = plain_name(column.name)
    if name in _TIMES:
        return "holds times"
    known = numbers[np.isfinite(numbers)]
    whole = bool(len(known)) and bool((known == np.round(known)).all())
    if whole and name in (*_IDS, *_ROW_NUMBERS):
        return "is the row number or an id"
    if is_label_name(name) and whole and bool(np.isin(known, (0, 1)).all()):
        return "is a label"
    if whole and len(known) == len(numbers) >= _COUNTING_ROWS:
        steps = np.diff(known)
        if (np.abs(steps) == 1).all() and (steps == steps[0]).all():
            return "counts the rows"
        if len(known) >= _RISING_ROWS and ((steps > 0).all() or (steps < 0).all()):
            return "counts the rows (whole numbers that rise or fall from each to the next)"
    return ""


def refuse_the_label(scores: pd.DataFrame, label: "pd.Series[float]", source: str) -> None:
    """Refuse a column of two values that are the label (or its opposite) on every labelled row.

    Args:
        scores: a column a model. label: of the same rows, NaN where it is not known.

    Raises:
        InputError: such a column.
    """
    fakes, reals = scores[label == 1], scores[label == 0]
    if min(len(fakes), len(reals)) < _EACH_LABEL:
        return
    high, low = fakes.min(), reals.min()
    told = (high == fakes.max()) & (low == reals.max()) & (high != low)
    told &= (fakes.count() >= _EACH_LABEL) & (reals.count() >= _EACH_LABEL)
    for model in scores.columns[told.to_numpy()]:
        n = int(scores.loc[label.notna(), model].count())
        raise InputError(
            f"is the label of all {count(n, 'labelled video')}, and no detector",
            file=source,
            column=str(model),
            remedy="drop the column, or give its kind if a detector really never errs",
        )
