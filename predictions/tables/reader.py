"""Reading a CSV or Parquet table that somebody else wrote, or saying where it broke."""

import re
import zlib
from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from predictions.errors import InputError

#: Cells that mean "missing" in a column of numbers. In a column of text only the empty cell does.
MISSING = ("", "na", "n/a", "nan", "none", "null", "<na>", "-nan", "#n/a")

_CSV = (".csv", ".tsv", ".txt")
_PACKED = (".gz", ".bz2", ".xz", ".zip")
_SPELLINGS = sorted({f(word) for word in MISSING for f in (str.lower, str.upper, str.capitalize)})


def read_table(path: Path, *, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a table as it is, one column a cell of the header, rows in the order of the file.

    CSV (UTF-8, separated by commas; by tabs or semicolons when the header has no comma), packed or
    not, and Parquet (named index levels become columns).

    Args:
        path: a file ending in .csv, .tsv, .txt (or these packed: .gz, .bz2, .xz, .zip), .parquet.
        text: columns to read as text whatever they hold, so that the id 010 keeps its zero;
            only an empty cell is missing there.

    Returns:
        The table with a RangeIndex. Columns named in `text` hold str or a missing value, the others
        what pandas makes of them.

    Raises:
        InputError: no such file, a folder, an unknown ending, a damaged or empty file, a row with
            more cells than the header, a header with a name twice or none.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the score file inside it.")
    if not path.exists():
        raise InputError(f"{path} does not exist; check the name and the folder.")
    if path.suffix.lower() in (".parquet", ".pq"):
        table = _read_parquet(path)
    elif _without_packing(path).suffix.lower() in _CSV:
        table = _read_csv(path, set(text))
    else:
        raise InputError(
            f"{path}: the ending {path.suffix!r} is unknown; give a .csv, .csv.gz or .parquet file."
        )
    if table.empty:
        raise InputError(f"{path} has no rows; give a table with one row a video.")
    for column in set(text) & set(table.columns):
        table[column] = as_text(table[column])
    return table


def header_of(path: Path) -> list[str]:
    """The names of the columns; none where the table cannot be read (`read_table` says why)."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return [str(name) for name in pq.read_schema(path).names]
        if _without_packing(path).suffix.lower() not in _CSV:
            return []
        header = _read_header(path, _separator_of(path))
    except (pa.ArrowException, pd.errors.EmptyDataError, pd.errors.ParserError):
        return []
    except (UnicodeDecodeError, OSError, EOFError, zlib.error):
        return []
    return header


def table_name(path: Path) -> str:
    """The name of a file without its folder and endings: `b7.v2` for `subs/b7.v2.csv.gz`."""
    return _without_packing(Path(path)).stem


def as_text(column: pd.Series) -> pd.Series:
    """The column as `string`; whole floats without `.0`, empty cells missing."""
    if pd.api.types.is_float_dtype(column.dtype):
        numbers = column.dropna()
        if (numbers == numbers.round()).all() and numbers.abs().max() < 2**53:
            column = column.astype("Int64")
    words = column.astype("string")
    return words.mask(words == "")


def _without_packing(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() in _PACKED else path


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path} cannot be read as Parquet ({_first_line(error)}); write it anew."
        ) from error
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    table.columns = table.columns.astype(str)
    _check_header(path, list(table.columns))
    return table.reset_index(drop=True)


def _read_csv(path: Path, text: set[str]) -> pd.DataFrame:
    try:
        separator = _separator_of(path)
        header = _read_header(path, separator)
        _check_header(path, header)
        table = pd.read_csv(
            path,
            sep=separator,
            header=None,
            skiprows=1,
            names=header,
            index_col=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
            dtype={column: "string" for column in header if column in text},
            keep_default_na=False,
            na_values={name: [""] if name in text else _SPELLINGS for name in header},
            low_memory=False,
        )
    except pd.errors.EmptyDataError as error:
        raise InputError(
            f"{path} is empty; give a table with a header and one row a video."
        ) from error
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found is None:
            raise InputError(
                f"{path} cannot be read as CSV ({_first_line(error)}); write it anew."
            ) from error
        expected, line, saw = found.groups()
        raise InputError(
            f"{path}, line {line}: {saw} cells where the header has {expected}; give every row "
            "as many cells as the header."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8; save it as a UTF-8 CSV.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read ({_first_line(error)}); it may be cut off or not be packed as "
            "its ending says, so copy it anew."
        ) from error
    return table


def _separator_of(path: Path) -> str:
    """What stands between the cells: a comma, unless the header has none but a tab or semicolon."""
    # The header alone: below it commas may be those of numbers.
    header = _read_header(path, ",", lines=1)
    return next((mark for mark in "\t;" if len(header) == 1 and mark in header[0]), ",")


def _read_header(path: Path, separator: str, *, lines: int = 2) -> list[str]:
    # Two lines, so that rows longer than the header are refused and not taken for an index.
    head = pd.read_csv(
        path,
        sep=separator,
        header=None,
        nrows=lines,
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        skip_blank_lines=False,
        encoding="utf-8-sig",
    )
    return [str(cell).strip() for cell in head.iloc[0]]


def _check_header(path: Path, header: list[str]) -> None:
    seen: set[str] = set()
    for name in header:
        if name in seen and name:
            raise InputError(f"{path} has two columns named {name!r}; rename or remove one.")
        seen.add(name)
    if header.count("") > 1:
        raise InputError(f"{path} has columns without a name; name every column in the first line.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
