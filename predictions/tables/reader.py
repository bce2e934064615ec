"""Reading a CSV or Parquet table, or saying where it broke: the one reader of tables.

One rule says which cells are missing. In a column of text only the empty cell is, so that a group,
an id or a person called NA stays NA; in a column of numbers the words in `MISSING` are. A column
holds text where the caller says so, or where a cell of it is neither a number nor such a word.
"""

import re
import warnings
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_numeric_dtype

from predictions.errors import InputError
from predictions.tables.columns import MISSING, as_text

#: Columns that hold text whatever their cells look like, in every table of ours.
TEXT = (
    *("video", "filename", "file", "group", "original", "method", "dataset", "split", "status"),
    *("reason", "model"),
)

_CSV = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")
_PACKED = (".gz", ".bz2", ".xz", ".zip")
_SPELLINGS = sorted({f(word) for word in MISSING for f in (str.lower, str.upper, str.capitalize)})


def read_table(
    path: Path, *, text: Collection[str] | Literal["all"] = (), empty: bool = False
) -> pd.DataFrame:
    """Read a table as it is, one column a cell of the header, rows in the order of the file.

    CSV (UTF-8, separated by commas; by tabs or semicolons when the header has no comma), packed or
    not, and Parquet (named index levels become columns).

    Args:
        path: a file ending in .csv, .tsv, .txt (or these packed: .gz, .bz2, .xz, .zip), .parquet.
        text: columns to read as text whatever they hold, so that the id 010 keeps its zero.
        empty: a table without rows will do.

    Returns:
        The table with a RangeIndex. Columns of text are `string`, the others numbers or yes and no.

    Raises:
        InputError: no such file, a folder, an unknown ending, a damaged or empty file, a row with
            more cells than the header (empty ones at its end aside), a header with a name twice or
            none.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError("is a folder", file=path, remedy="give the file inside it")
    if not path.exists():
        raise InputError("does not exist", file=path, remedy="check the name and the folder")
    if path.suffix.lower() in _PARQUET:
        table = _read_parquet(path)
    elif _without_packing(path).suffix.lower() in _CSV:
        table = _read_csv(path, text)
    else:
        raise InputError(
            f"the ending {path.suffix!r} is unknown",
            file=path,
            remedy="give a .csv, .csv.gz or .parquet file",
        )
    if "" in table and table[""].isna().all():  # a separator at the end of every line
        table = table.drop(columns="")
    if table.empty and not empty:
        raise InputError("has no rows", file=path, remedy="give a table with one row a video")
    for column in table.columns:
        if column in text or text == "all" or not is_numeric_dtype(table[column]):
            table[column] = as_text(table[column])
    return table


def read_own(path: Path, index: str = "video") -> pd.DataFrame:
    """A table that we wrote, such as oof.csv, by the same rule, with its index.

    Raises:
        InputError: as `read_table`, or it has no column `index`: it is damaged.
    """
    table = read_table(path, text=TEXT, empty=True)
    if index not in table.columns:
        raise InputError(
            f"is damaged: it has no column {index!r}",
            file=path,
            remedy="delete it; the command that wrote it makes it again",
        )
    return table.set_index(index)


def header_of(path: Path) -> list[str]:
    """The names of the columns; none where the table cannot be read (`read_table` says why)."""
    try:
        if path.suffix.lower() in _PARQUET:
            return [str(name) for name in pq.read_schema(path).names]
        if _without_packing(path).suffix.lower() not in _CSV:
            return []
        return _read_header(path, _separator_of(path))
    except (pa.ArrowException, pd.errors.EmptyDataError, pd.errors.ParserError):
        return []
    except (UnicodeDecodeError, OSError, EOFError, zlib.error):
        return []


def table_name(path: Path) -> str:
    """The name of a file without its folder and endings: `b7.v2` for `subs/b7.v2.csv.gz`."""
    return _without_packing(Path(path)).stem


def _without_packing(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() in _PACKED else path


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        # A handle, because from a path pyarrow would read a folder `model=M` as one more column.
        with path.open("rb") as handle:
            table = pq.read_table(handle).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"cannot be read as Parquet ({_first_line(error)})", file=path, remedy="write it anew"
        ) from error
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    table.columns = table.columns.astype(str)
    _check_header(path, list(table.columns))
    return table.reset_index(drop=True)


def _read_csv(path: Path, text: Collection[str] | Literal["all"]) -> pd.DataFrame:
    try:
        separator = _separator_of(path)
        header = _read_header(path, separator)
        _check_header(path, header)
        said = set(header) if text == "all" else {name for name in header if name in text}
        table = _read_cells(path, separator, header, said)
        words = [name for name in header if not (name in said or is_numeric_dtype(table[name]))]
        if (
            table[words].isna().any(axis=None)
        ):  # perhaps a word: read with empty cells alone missing
            table = _read_cells(path, separator, header, said.union(words))
    except pd.errors.EmptyDataError as error:
        raise InputError(
            "is empty", file=path, remedy="give a table with a header and one row a video"
        ) from error
    except pd.errors.ParserError as error:
        raise InputError(
            f"cannot be read as CSV ({_first_line(error)})", file=path, remedy="write it anew"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "is not text in UTF-8", file=path, remedy="save it as a UTF-8 CSV"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot be read ({_first_line(error)})",
            file=path,
            remedy="it may be cut off or not be packed as its ending says, so copy it anew",
        ) from error
    return table


def _read_cells(path: Path, separator: str, header: list[str], text: set[str]) -> pd.DataFrame:
    """All rows below the header.

    Raises:
        InputError: a row goes on behind the last column.
    """
    # pandas drops cells behind the last name, so there are names for them too: as many as the
    # widest row turns out to need.
    width = len(header) + 1
    while True:
        beyond = [f"\0{i}" for i in range(len(header), width)]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                table = pd.read_csv(
                    path,
                    sep=separator,
                    header=None,
                    skiprows=1,
                    names=[*header, *beyond],
                    index_col=False,
                    skipinitialspace=True,
                    encoding="utf-8-sig",
                    dtype=dict.fromkeys([*text, *beyond], "string"),
                    keep_default_na=False,
                    na_values=dict.fromkeys([*header, *beyond], _SPELLINGS)
                    | {name: [""] for name in (*text, *beyond)},
                    low_memory=False,
                )
        except pd.errors.ParserWarning:  # the first row is wider
            width *= 2
            continue
        except pd.errors.ParserError as error:
            found = re.search(r"Expected \d+ fields in line \d+, saw (\d+)", str(error))
            if found is None:
                raise
            width = int(found[1])
            continue
        surplus = table[beyond].notna().to_numpy()
        if surplus.any():
            row = int(surplus.any(axis=1).argmax())
            cells = len(header) + int(surplus[row].nonzero()[0][-1]) + 1
            raise InputError(
                f"{cells} cells where the header has {len(header)}",
                file=path,
                row=row + 1,
                remedy="give every row as many cells as the header",
            )
        return table.drop(columns=beyond)


def _separator_of(path: Path) -> str:
    """What stands between the cells: a comma, unless the header has none but a tab or semicolon."""
    # The header alone: below it commas may be those of numbers.
    header = _read_header(path, ",")
    return next((mark for mark in "\t;" if len(header) == 1 and mark in header[0]), ",")


def _read_header(path: Path, separator: str) -> list[str]:
    head = pd.read_csv(
        path,
        sep=separator,
        header=None,
        nrows=1,
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        skip_blank_lines=False,
        encoding="utf-8-sig",
    )
    return [str(cell).strip() for cell in head.iloc[0]]


def _check_header(path: Path, header: list[str]) -> None:
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"has two columns named {twice!r}", file=path, remedy="rename or remove one"
        )
    if header.count("") > 1:
        raise InputError(
            "has columns without a name", file=path, remedy="name every column in the first line"
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
