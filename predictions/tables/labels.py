"""What a column says of FAKE and REAL: one reader of labels for videos, scores and samples.

- Words (`FAKE`, `real`, `manipulated`, `bona fide`, ...) mean what they say.
- 1 is FAKE and 0 is REAL, but in a column that asks whether the video is real (`is_real`,
  `genuine`, ...) 1 is REAL.
- True and False, yes and no answer such a question or its opposite (`is_fake`), and mean nothing
  elsewhere.
"""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.tables.columns import MISSING, bad_cell

FAKE_WORDS = (
    *("fake", "deepfake", "manipulated", "forged", "synthetic", "generated", "altered"),
    *("spoof", "tampered"),
)
REAL_WORDS = ("real", "original", "genuine", "authentic", "pristine", "bonafide", "bona_fide")
#: Columns in which 1 is REAL.
REAL_QUESTIONS = ("is_real", "real", "is_genuine", "genuine")
_FAKE_QUESTIONS = ("is_fake", "fake", "is_deepfake", "deepfake")
_WORDS = dict.fromkeys(FAKE_WORDS, "1") | dict.fromkeys(REAL_WORDS, "0")
_NO, _YES = ("0", "false", "no"), ("1", "true", "yes")


def plain_name(name: object) -> str:
    """A column's name as it is compared: `File Name` is `file_name`."""
    return re.sub(r"[\s\-]+", "_", str(name).strip()).lower()


def is_label_word(cell: object) -> bool:
    """Whether the cell is a word for FAKE or REAL."""
    return plain_name(cell) in _WORDS


def to_labels(column: "pd.Series[Any]") -> "pd.Series[str]":
    """The column with `1` for FAKE and `0` for REAL; what is neither stays as it is."""
    name = plain_name(column.name)
    meaning = {"0": "0", "1": "1"}
    if name in _FAKE_QUESTIONS:
        meaning |= dict.fromkeys(_YES, "1") | dict.fromkeys(_NO, "0")
    elif name in REAL_QUESTIONS:
        meaning |= dict.fromkeys(_YES, "0") | dict.fromkeys(_NO, "1")
    meaning |= _WORDS
    cells = column.astype("string")
    plain = {cell: re.sub(r"^([01])\.0*$", r"\1", plain_name(cell)) for cell in cells.unique()}
    return cells.map({cell: meaning.get(word, cell) for cell, word in plain.items()}).astype(
        "string"
    )


def parse_labels(
    column: "pd.Series[Any]", ids: "pd.Series[Any]", source: str
) -> NDArray[np.float64]:
    """Labels as 1. (FAKE), 0. (REAL) or NaN (unknown), from numbers or words (see `to_labels`).

    Raises:
        InputError: anything else.
    """
    words = to_labels(column)
    known = words.notna() & ~words.str.strip().str.lower().isin(MISSING)
    bad = np.flatnonzero(known & ~words.isin(("0", "1")))
    if len(bad):
        remedy = "a label is 1 or FAKE, 0 or REAL, or empty"
        if set(column.astype("string").str.lower().dropna()) <= {*_YES, *_NO}:
            remedy += "; True and False answer a column called is_fake or is_real"
        raise bad_cell("is not a label", column.astype("string"), bad, ids, source, remedy)
    values = words.map({"0": 0.0, "1": 1.0}).to_numpy(np.float64, na_value=np.nan)
    return np.asarray(values, np.float64)
