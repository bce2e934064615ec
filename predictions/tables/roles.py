"""What a column can be: an id, a label, a number of the row, or scores that a detector gave.

Names are compared in small letters, with `_` for spaces and hyphens (`plain_name`).

- A **label** is `label` in any letters, else one of `LABEL_NAMES`, where every cell is a label (1,
  FAKE, 0, REAL or empty). One that is not taken for the label is never a detector.
- The **id** is a column of words that names every row once; dates name none.
- **No detector** gives whole numbers that rise or fall from row to row, numbers in a column that
  bears the name of an id, a row number or a time, or the label itself.
- **No video** is a summary below the rows (`Average`), or a comment (`# exported by`).
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.tables.columns import MISSING
from predictions.tables.labels import REAL_QUESTIONS, parse_labels, plain_name, to_labels
from predictions.words import count

#: Columns that hold the label, whatever its spelling.
LABEL_NAMES = (
    *("is_fake", "fake", "is_deepfake", "deepfake", "is_real", "real", "is_genuine", "genuine"),
    *("target", "class", "class_name", "category", "type", "labels", "y", "ground_truth"),
)
_LABELS = ("label", "y_true", "truth", "gt", "label_id", *LABEL_NAMES, "targets")

#: Names of ids, the likeliest first.
_IDS = (
    *("video", "filename", "file_name", "file", "path", "video_id", "video_name", "name", "id"),
    "file_id",
)
#: Names of what tells rows apart without being known elsewhere.
_UNLIKELY_IDS = ("uuid", "guid", "hash", "md5", "sha256")
#: Names of columns that name people, the likeliest first.
_PEOPLE = (
    *("person", "person_id", "subject", "subject_id", "actor", "actor_id", "speaker"),
    *("speaker_id", "identity", "identity_id", "participant", "participant_id", "patient"),
    *("patient_id", "individual"),
)
#: Names of what videos share.
_GROUPINGS = (
    *("group", *_PEOPLE, "source", "source_id", "source_video", "user", "user_id", "channel"),
    "client_id",
)
_ROW_NUMBERS = ("index", "level_0", "level_1", "row", "row_number", "row_id", "rownum", "idx")
_TIMES = ("timestamp", "time", "date", "datetime", "created", "modified", "epoch")
#: Endings of such names, as in `subject_id`, `frame_idx` and `processed_at`.
_ID_ENDINGS, _TIME_ENDINGS = ("_id", "_ids", "_idx", "_index"), ("_at", *(f"_{t}" for t in _TIMES))
#: Names of rows below those of the videos.
_SUMMARIES = (
    *("average", "avg", "mean", "median", "total", "sum", "std", "min", "max", "count", "overall"),
)
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})?"
    r"[T ]?(\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?\s?(Z|UTC|[+-]\d{2}:?\d{2})?"
)

#: Rows from which whole numbers that always rise or fall, or that step by 1, are no scores.
_RISING_ROWS, _COUNTING_ROWS = 10, 5
#: Groups from which a column of words may name them.
_LEAST_GROUPS = 10
#: Rows of each label from which two values that tell them apart without a mistake are the label.
_EACH_LABEL = 10


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
    for names in (good, sorted(numbers), undated, words):
        if names:
            return min(names, key=_likely_id)
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
    known = numbers[np.isfinite(numbers)]
    beyond = bool(((known < 0) | (known > 1)).any())
    if name in _TIMES or (beyond and name.endswith(_TIME_ENDINGS)):
        return "holds times"
    whole = bool(len(known)) and bool((known == np.round(known)).all())
    if whole and (name in (*_IDS, *_ROW_NUMBERS) or name.endswith(_ID_ENDINGS)):
        return "is the row number or an id"
    if whole and name in _GROUPINGS:
        return "names what videos share"
    if is_label_name(name) and whole and bool(np.isin(known, (0, 1)).all()):
        return "is a label"
    if whole and len(known) == len(numbers) >= _COUNTING_ROWS:
        steps = np.diff(known)
        if (np.abs(steps) == 1).all() and (steps == steps[0]).all():
            return "counts the rows"
        if len(known) >= _RISING_ROWS and ((steps > 0).all() or (steps < 0).all()):
            return "counts the rows (whole numbers that rise or fall from each to the next)"
    return ""


#: Whole numbers from so many on may number people or sources.
_LEAST_NUMBERS = 20


def may_be_groups(column: "pd.Series[Any]") -> bool:
    """Whether a column that holds no scores may say what videos share: a person, a source.

    By its name, or as words of which each stands in several rows; few words are kinds, no groups.
    Numbers of people or sources are whole ones that come about equally often, as no score does.
    """
    known = column.dropna()
    groups = known.nunique()
    if plain_name(column.name) in _GROUPINGS:
        return 2 <= groups < len(known)
    if not _LEAST_GROUPS <= groups <= len(known) / 2:
        return False
    return holds_words(column) or _numbers_of_groups(known)


def _numbers_of_groups(known: "pd.Series[Any]") -> bool:
    numbers = pd.to_numeric(known, errors="coerce")
    if numbers.isna().any() or (numbers % 1 != 0).any():
        return False
    often = numbers.value_counts()
    return len(often) >= _LEAST_NUMBERS and bool(often.max() <= 1.5 * often.median())


def people_column(table: pd.DataFrame, taken: Collection[str]) -> str | None:
    """The column that says by its name whom the videos show, where several videos show one."""
    named = {plain_name(name): name for name in reversed(table.columns) if name not in taken}
    columns = [
        named[name] for name in _PEOPLE if name in named and may_be_groups(table[named[name]])
    ]
    return columns[0] if columns else None


def doubtful(column: "pd.Series[Any]", numbers: "np.ndarray[Any, Any]") -> str:
    """Why a column of numbers that may be a detector's scores may be none all the same, or nothing.

    Args:
        column: as it was read. numbers: its values, NaN = missing.
    """
    known = np.unique(numbers[np.isfinite(numbers)])
    if is_label_name(column.name):
        return "has the name of a label but holds other numbers than 0 and 1"
    if len(known) == 2:
        return "holds two values alone, as labels do"
    whole = len(known) > 2 and bool((known % 1 == 0).all())
    return "holds whole numbers" if whole else ""


def no_videos(table: pd.DataFrame, label: str | None) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which rows are summaries at the end of a table or comments, and no videos.

    Args:
        table: its index holds the ids. label: the column of labels, by which a row is a video's.
    """
    ids = table.index.to_series().astype("string").str.strip().str.lower()
    comment = (ids.str.startswith("#") & table.isna().all(axis=1).to_numpy()).to_numpy(dtype=bool)
    summary = ids.isin(_SUMMARIES).to_numpy(dtype=bool)
    if label is not None and summary.any():
        summary = summary & ~to_labels(table[label]).isin(("0", "1")).to_numpy(dtype=bool)
    below = np.logical_and.accumulate((summary | comment)[::-1])[::-1]
    return comment | (summary & below)


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
    is_label = (high == fakes.max()) & (low == reals.max()) & (high != low)
    is_label &= (fakes.count() >= _EACH_LABEL) & (reals.count() >= _EACH_LABEL)
    for model in scores.columns[is_label.to_numpy()]:
        n = int(scores.loc[label.notna(), model].count())
        raise InputError(
            f"is the label of all {count(n, 'labelled video')}, and no detector",
            file=source,
            column=str(model),
            remedy="drop the column, or give its kind if a detector really never errs",
        )
