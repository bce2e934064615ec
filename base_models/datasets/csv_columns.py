"""Which columns of somebody's CSV name the files and say the labels.

The rule, in this order (names are compared in small letters, with `_` for spaces and hyphens):

- The **file** column is `file`, `filename`, `video` or `path`; else the column of which the most
  values, and at least half, name a video that is there (with or without folders and ending).
- The **label** column is `label`; else one of `LABEL_NAMES`; else the only column whose values
  are all words for fake or real. More than one such column is refused.
- The **group** column is `group`; else one that names people (`person`, `subject`, `speaker`, ...).
- Whatever the user names goes before all of this (`named.Named`).
- What its cells mean: `predictions.tables.labels`.
"""

from collections.abc import Callable, Sequence

import pandas as pd

from predictions.errors import InputError
from predictions.tables.labels import is_label_word, plain_name, to_labels
from predictions.tables.roles import LABEL_NAMES, people_column

#: The column that names the file, in the order of trust.
FILE_COLUMNS = ("file", "filename", "video", "path")


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column that bears the first of `names` that any bears."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(plain_name(column), column)
    return next((by_name[name] for name in names if name in by_name), None)


def find_file_column(
    table: pd.DataFrame, is_video: Callable[[Sequence[str]], Sequence[bool]]
) -> str | None:
    """The column that names the files, or None.

    is_video: says for each name whether such a video is there; asked only when no column's name
    settles it.
    """
    named = find_column(list(table.columns), FILE_COLUMNS)
    if named is not None:
        return named
    shares = {
        column: sum(is_video([str(value) for value in table[column].dropna()])) / len(table)
        for column in table.columns
        if len(table)
    }
    # Of two that fit alike not the one without a name, which counts rows.
    counts = {column: not column or column.startswith("Unnamed:") for column in shares}
    best = max(shares, key=lambda column: (shares[column], not counts[column]), default=None)
    return best if best is not None and shares[best] >= 0.5 else None


def find_group_column(table: pd.DataFrame, *, other_than: Sequence[str | None]) -> str | None:
    """The column of what folds never split, or None: `group`, or one that names people."""
    columns = [str(column) for column in table.columns if column not in other_than]
    named = find_column(columns, ("group",))
    return named or people_column(table, [column for column in other_than if column])


def find_label_column(table: pd.DataFrame, source: str, *, other_than: str) -> str | None:
    """The column that says the labels, or None.

    Raises:
        InputError: several columns may be meant.
    """
    columns = [str(column) for column in table.columns if column != other_than]
    named = find_column(columns, ("label",))
    if named is not None:
        return named
    for candidates in (
        [c for c in columns if plain_name(c) in LABEL_NAMES and _reads_as_labels(table[c])],
        [c for c in columns if _all_words(table[c])],
    ):
        if len(candidates) > 1:
            raise InputError(
                f"columns {' and '.join(candidates)} may each be the label",
                file=source,
                remedy="call the right one 'label'",
            )
        if candidates:
            return candidates[0]
    return None


def _reads_as_labels(column: "pd.Series[str]") -> bool:
    values = to_labels(column).dropna()
    return bool(len(values)) and bool(values.isin(["0", "1"]).all())


def _all_words(column: "pd.Series[str]") -> bool:
    words = column.dropna()
    return bool(len(words)) and bool(words.map(is_label_word).all())
