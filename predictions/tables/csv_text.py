"""A table as text: CSV as spreadsheets, shells, notebooks and competitions write it.

`layout_of` looks at the beginning: what stands between the cells, and where the header is.
`read_rows` reads what is below it.
"""

import codecs
import csv
import io
import re
import warnings
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import pandas as pd
from pandas.api.types import is_numeric_dtype

from predictions.errors import InputError
from predictions.files import encoding_of
from predictions.limits import HEADER_BYTES, SURPLUS_CELLS, TABLE_CELLS, TABLE_COLUMNS, TABLE_ROWS
from predictions.tables.columns import MISSING
from predictions.words import count, reason_of

_MARK = codecs.BOM_UTF8  # of files put one after another, there is one within
_SEPARATORS = ",\t;|"
_LINE = re.compile(rb"[^\r\n]*[\r\n]*")
_COMMENTS = re.compile(rb"(?:#[^\r\n]*[\r\n]+)+")
_SAYS_SEPARATOR = re.compile(rb'"?sep=([,;\t|])"?\s*', re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_FILE = re.compile(r".+\.(mp4|mov|avi|mkv|webm|m4v|mpe?g|wmv|flv|3gp|jpe?g|png)", re.IGNORECASE)
_SPELLINGS = sorted({f(word) for word in MISSING for f in (str.lower, str.upper, str.capitalize)})


@dataclass(frozen=True)
class Layout:
    """How a text holds a table.

    Attributes:
        start: the bytes before the header. separator: between cells. header: the names.
    """

    start: int
    separator: str
    header: list[str]


def as_utf8(data: bytes, path: Path, *, whole: bool = True) -> bytes:
    """The same text in UTF-8, without byte order marks.

    Args:
        whole: False of the beginning of a text, which may end within a letter.

    Raises:
        InputError: it is no text.
    """
    encoding = encoding_of(data)
    if encoding != "utf-8-sig":
        try:
            data = data.decode(encoding, "strict" if whole else "ignore").encode()
        except UnicodeError as error:
            raise _no_text(path) from error
    if b"\0" in data:
        raise _no_text(path)
    return data.replace(_MARK, b"") if _MARK in data else data


def layout_of(data: bytes, path: Path) -> Layout:
    """Where the header of a text in UTF-8 is, and what stands between its cells.

    Passed over before it: lines without a word, `sep=;` (which is obeyed where the header has it),
    and comments, which begin with `#` and have not as many cells as the line below them.

    Raises:
        InputError: there is no header, or it has too many names, one twice, or several empty ones.
    """
    head = data[:HEADER_BYTES]
    start, separator = _before_header(head)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head[start:])
        # Who wrote the file anew with another separator may have left the line that names one.
        if not separator or separator not in text.partition("\n")[0]:
            separator = max(_SEPARATORS, key=lambda mark: _fit(text, mark))
        header, *rows = _rows(text, separator, 20)
    except UnicodeDecodeError as error:
        raise _no_text(path) from error
    except ValueError as error:  # nothing to unpack
        raise InputError(
            "is empty", file=path, remedy="give a table with a header and one row a video"
        ) from error
    if len(header) > 1 and header[0].startswith("#"):  # as numpy.savetxt writes it
        header[0] = header[0].lstrip("# ") or header[0]
    while header.count("") > 1 and header[-1] == "":  # separators at the end of every line
        header.pop()
    check_header(header, path)
    value = _value_in(header, [row[0] for row in rows if row])
    if value is not None:
        raise InputError(
            f"its first line names no columns ({value!r} is no name)",
            file=path,
            expected="a header such as filename,label",
            remedy="put one above the first row",
        )
    return Layout(start, separator, header)


def check_header(header: Sequence[str], path: Path) -> None:
    """The names of columns, whatever the kind of file.

    Raises:
        InputError: there are too many, one is there twice, or several are empty.
    """
    if len(header) > TABLE_COLUMNS:
        raise too_many_columns(path)
    seen: set[str] = set()
    for name in header:
        if name in seen:
            raise InputError(
                f"has two columns named {name!r}" if name else "has columns without a name",
                file=path,
                remedy="rename or remove one" if name else "name every column in the first line",
            )
        seen.add(name)


def too_many_columns(path: Path) -> InputError:
    """The error that a table is too wide."""
    return InputError(
        f"has more than {TABLE_COLUMNS:,} columns, the most that are read",
        file=path,
        remedy="give one column a detector, or fewer of them",
    )


def check_rows(rows: int, columns: int, path: Path) -> None:
    """How many rows there are of how many cells.

    Raises:
        InputError: they are too many.
    """
    if rows > TABLE_ROWS or rows * columns > TABLE_CELLS:
        raise InputError(
            f"has {rows:,} rows of {columns:,} cells; at most {TABLE_ROWS:,} rows and "
            f"{TABLE_CELLS:,} cells are read",
            file=path,
            remedy="leave out rows or columns",
        )


def read_rows(
    data: bytes, layout: Layout, text: Collection[str] | Literal["all"], path: Path
) -> pd.DataFrame:
    """All rows below the header. See `predictions.tables.reader` for what is text and missing.

    Raises:
        InputError: no CSV, not UTF-8, too many cells, or a row goes on behind the last column.
    """
    header = layout.header
    _refuse_cut_off(data, layout, path)
    # Old Macs end a line with \\r alone; in files of others each stands beside a \\n.
    lines = max(data.count(b"\n"), data.count(b"\r")) + 1
    check_rows(lines, len(header), path)
    text_columns = set(header) if text == "all" else {name for name in header if name in text}
    try:
        table = _read_cells(data, layout, text_columns, lines, path)
        kinds = table.dtypes  # of a wide table it takes long to take out each column
        words = [
            name for name in header if not (name in text_columns or is_numeric_dtype(kinds[name]))
        ]
        # Perhaps a word: read with empty cells alone missing.
        if table[words].isna().any(axis=None):
            table = _read_cells(data, layout, text_columns.union(words), lines, path)
    except UnicodeDecodeError as error:
        raise _no_text(path) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"cannot be read as CSV ({reason_of(error)})", file=path, remedy="write it anew"
        ) from error
    return table


def _refuse_cut_off(data: bytes, layout: Layout, path: Path) -> None:
    """Refuse a file that ends within a row, as half a download does."""
    last = data[max(data.rfind(b"\n"), data.rfind(b"\r"), layout.start) + 1 :]
    if b'"' in last or layout.separator.encode() not in last:  # whole, or of several lines
        return
    cells = last.count(layout.separator.encode()) + 1
    if cells < len(layout.header):
        raise InputError(
            f"ends within its last row, which has {count(cells, 'cell')} where the header has "
            f"{len(layout.header)}",
            file=path,
            remedy="it is cut off: copy or download it again",
        )


def _read_cells(
    data: bytes, layout: Layout, text: set[str], lines: int, path: Path
) -> pd.DataFrame:
    # pandas drops cells behind the last name, so there are names for them too: as many as the
    # widest row turns out to need.
    header = layout.header
    width = len(header) + 1
    while True:
        # Rows of empty cells may be as wide as they like, but not fill the memory.
        if width - len(header) > SURPLUS_CELLS or width * lines > 2 * TABLE_CELLS:
            raise InputError(
                f"a row has far more cells than the header, which has {len(header):,}",
                file=path,
                remedy="give every row as many cells as the header",
            )
        beyond = [f"\0{i}" for i in range(len(header), width)]
        rows = io.BytesIO(data)
        rows.seek(layout.start)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                table = pd.read_csv(
                    rows,
                    sep=layout.separator,
                    header=None,
                    skiprows=1,
                    names=[*header, *beyond],
                    index_col=False,
                    skipinitialspace=True,
                    encoding="utf-8",
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
            match = re.search(r"Expected \d+ fields in line \d+, saw (\d+)", str(error))
            if match is None:
                raise
            width = int(match[1])
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


def _before_header(head: bytes) -> tuple[int, str]:
    """How many bytes are before the header, and the separator that is said there."""
    start, separator = 0, ""
    while (line := _line(head, start)) != b"":
        comments = _COMMENTS.match(head, start)
        if comments is not None:
            below = _line(head, comments.end())
            last = comments[0].splitlines(keepends=True)[-1]
            mark = max(_SEPARATORS.encode(), key=below.count)
            if 0 < below.count(mark) == last.count(mark):
                return comments.end() - len(last), separator
            start = comments.end()
            continue
        match = _SAYS_SEPARATOR.fullmatch(line)
        if match is None and line.strip(b" \t\r\n,;|\"'"):
            return start, separator
        separator = separator if match is None else match[1].decode()
        start += len(line)
    return start, separator


def _line(head: bytes, start: int) -> bytes:
    """The line that begins there, with the empty ones below it."""
    match = _LINE.match(head, start)
    return b"" if match is None else match[0]


def _rows(text: str, separator: str, most: int) -> list[list[str]]:
    """The first rows, their cells without spaces around, up to one that this reader cannot read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a cell of 128 KiB, which pandas knows to read
        rows += ([cell.strip() for cell in row] for row in islice(reader, most))
    return rows


def _fit(text: str, separator: str) -> tuple[bool, int, bool]:
    """How well it separates the header: as the row below it, in many cells, and as most do."""
    rows = _rows(text, separator, 2)
    header, below = (rows[0], rows[-1]) if rows else ([], [])
    return len(header) == len(below) > 1, len(header), separator == ","


def _value_in(header: Sequence[str], below: Sequence[str]) -> str | None:
    """A cell of the first line that is no name, so that the line is no header; None without one.

    Columns may be called 0, 1, 2 or 224, but not 0.93 or a.mp4, nor all of them by numbers; and the
    first cell is an id where those below it differ from it in their digits alone.
    """
    first = header[0]
    numbers = [name for name in header if _NUMBER.fullmatch(name)]
    for name in header:
        if _FILE.fullmatch(name) or (name in numbers and not name.lstrip("+-").isdigit()):
            return name
    if len(numbers) == len(header):
        return first
    alike = {re.sub(r"\d+", "0", name) for name in (first, *below)}
    return first if below and len(alike) == 1 and re.search(r"\d", first) else None


def _no_text(path: Path) -> InputError:
    return InputError("is not text in UTF-8", file=path, remedy="save it as a UTF-8 CSV")
