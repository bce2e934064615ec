"""Reading a CSV or Parquet table, or saying where it broke: the one reader of tables.

One rule says which cells are missing. In a column of text only the empty cell is, so that a group,
an id or a person called NA stays NA; in a column of numbers the words in `MISSING` are. A column
holds text where the caller says so, or where a cell of it is neither a number nor such a word.
"""

import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from pandas.api.types import is_numeric_dtype

from predictions.errors import InputError
from predictions.file_names import as_id
from predictions.files import MADE_AGAIN, check_file
from predictions.limits import HEADER_BYTES
from predictions.tables.columns import as_text
from predictions.tables.csv_text import as_utf8, layout_of, read_rows
from predictions.tables.parquet import MAGIC, parquet_header, read_parquet_table
from predictions.tables.partitions import files_of_one_table, partitions_of
from predictions.tables.unpack import PACKED, refuse_archive, unpacked, without_packing

#: Columns that hold text whatever their cells look like, in every table of ours.
TEXT = (
    *("video", "filename", "file", "group", "original", "method", "dataset", "split", "status"),
    *("reason", "model"),
)

_CSV = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")


def read_table(
    path: Path, *, text: Collection[str] | Literal["all"] = (), empty: bool = False
) -> pd.DataFrame:
    r"""Read a table as it is, one column a cell of the header, rows in the order of the file.

    CSV in UTF-8 or marked UTF-16, its cells separated by commas, else by tabs, semicolons or bars;
    packed or not; Parquet, or a folder of files that are one table (`files_of_one_table`).

    Args:
        path: a file ending in .csv, .tsv, .txt, .parquet, .pq, or these packed: .gz, .bz2, .xz,
            .zip with one table.
        text: columns to read as text whatever they hold, so that the id 010 keeps its zero.
        empty: a table without rows will do.

    Returns:
        The table with a RangeIndex. Columns of text are `string`, without spaces around a cell,
        the others numbers or yes and no.

    Raises:
        InputError: no such file, a folder, a pipe, an unknown ending, a damaged or empty file, a
            row with more cells than the header (empty ones at its end aside), a header with a name
            twice or none, or none at all; more than `predictions.limits` says.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import read_table
        >>> _ = Path("table.csv").write_text("video;score\n010;0.5\n")
        >>> read_table(Path("table.csv"), text=["video"]).values.tolist()
        [['010', 0.5]]
    """
    path = Path(path)
    files = files_of_one_table(path)
    table = _joined(files, text) if files else _read_one(path, text)
    # Names are printed: what moves a terminal's cursor is no part of them.
    table.columns = pd.Index([as_id(str(name)) for name in table.columns])
    if "" in table and table[""].isna().all():  # a separator at the end of every line
        table = table.drop(columns="")
    if table.empty and not empty:
        raise InputError("has no rows", file=path, remedy="give a table with one row a video")
    for column, kind in table.dtypes.items():
        if column in text or text == "all" or not is_numeric_dtype(kind):
            words = as_text(table[column]).str.strip()
            table[column] = words.mask(words == "")
    return table


def read_own(path: Path, index: str = "video") -> pd.DataFrame:
    """A table that we wrote, such as oof.csv, by the same rule, with its index.

    Raises:
        InputError: as `read_table`, or it has no column `index`: it is damaged.

    Examples:
        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from predictions import read_own, write_table
        >>> write_table(pd.DataFrame({"video": ["010"], "calibrated": [0.7]}), Path("oof.csv"))
        >>> read_own(Path("oof.csv")).index.tolist()
        ['010']
    """
    table = read_table(path, text=TEXT, empty=True)
    if index not in table.columns:
        raise InputError(f"is damaged: it has no column {index!r}", file=path, remedy=MADE_AGAIN)
    return table.set_index(index)


def header_of(path: Path) -> list[str]:
    """The names of the columns; none where the table cannot be read (`read_table` says why)."""
    return [as_id(name) for name in _raw_header(path)]


def _raw_header(path: Path) -> list[str]:
    try:
        if not is_table(path):
            return []
        if path.suffix.lower() in _PARQUET:
            check_file(path)
            with path.open("rb") as file:
                return parquet_header(file, path)
        data = unpacked(path, HEADER_BYTES)
        if data.startswith(MAGIC):
            return parquet_header(io.BytesIO(unpacked(path)), path)
        return layout_of(as_utf8(data, path, whole=False), path).header
    except (InputError, OSError):
        return []


def is_table(path: Path) -> bool:
    """Whether its ending is that of a table."""
    name = without_packing(path)
    return name.suffix.lower() in (*_CSV, *_PARQUET) or (name != path and not name.suffix)


def table_name(path: Path) -> str:
    """The name of a file without its folder and endings: `b7.v2` for `subs/b7.v2.csv.gz`."""
    return without_packing(Path(path)).stem


def _read_one(path: Path, text: Collection[str] | Literal["all"]) -> pd.DataFrame:
    """A file, with its columns of text not settled yet."""
    try:
        check_file(path)
    except FileNotFoundError as error:
        raise InputError(
            "does not exist", file=path, remedy="check the name and the folder"
        ) from error
    if not is_table(path):
        refuse_archive(path)
        ending = "".join(path.suffixes[-2:]) if path.suffix.lower() in PACKED else path.suffix
        raise InputError(
            f"the ending {ending!r} is unknown",
            file=path,
            remedy="give a .csv, .csv.gz or .parquet file",
        )
    if path.suffix.lower() in _PARQUET:
        with path.open("rb") as file:
            return read_parquet_table(file, text, path)
    data = unpacked(path)
    if data.startswith(MAGIC):
        return read_parquet_table(io.BytesIO(data), text, path)
    data = as_utf8(data, path)
    return read_rows(data, layout_of(data, path), text, path)


def _joined(files: Sequence[Path], text: Collection[str] | Literal["all"]) -> pd.DataFrame:
    """The rows of all files, with a column for what the names of their folders say."""
    parts: list[pd.DataFrame] = []
    for file in files:
        parts.append(with_partitions(_read_one(file, text), file))
        if set(parts[-1]) != set(parts[0]):
            raise InputError(
                f"has other columns than {files[0]}",
                file=file,
                remedy="give files of one table, or each by itself",
            )
    return pd.concat(parts, ignore_index=True)


def with_partitions(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The table of a file with what the names of its folders say, where it has no such column."""
    partitions = {name: value for name, value in partitions_of(file).items() if name not in table}
    return table.assign(
        **{
            name: pd.Series(value, table.index, dtype="string")
            for name, value in partitions.items()
        }
    )
