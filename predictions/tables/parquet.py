"""A table as Parquet, whoever wrote it: pandas with its index, Spark, Arrow, DuckDB."""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from predictions.errors import InputError
from predictions.limits import PARQUET_BYTES, PARQUET_FOOTER, TABLE_COLUMNS
from predictions.tables.csv_text import check_header, check_rows, too_many_columns
from predictions.words import reason_of

#: How a Parquet file begins and ends.
MAGIC = b"PAR1"

# How pyarrow calls the levels of an index without a name.
_NAMELESS = "__index_level_"


def parquet_header(file: IO[bytes], path: Path) -> list[str]:
    """The names of the columns, those of the index first.

    Raises:
        InputError: it cannot be read as Parquet.
    """
    try:
        _check_footer(file, path)
        return _names(pq.read_schema(file))
    except Exception as error:
        raise _unreadable(path, error) from error


def read_parquet_table(
    file: IO[bytes], text: Collection[str] | Literal["all"], path: Path
) -> pd.DataFrame:
    """All rows; levels of an index are columns as the others, and go first.

    An index without a name holds row numbers, and is left out, or text, and is the column ''.
    Whole numbers in columns of `text` keep all digits; lists are written out (`[0.97]`);
    decimal fractions are float64; bytes are text.

    Raises:
        InputError: it cannot be read as Parquet, has a name twice, or more than
            `predictions.limits` says.
    """
    # Its bytes are anybody's: what breaks in the middle is an ArrowException, an OSError, a
    # KeyError of the schema, ... and none of them is a way on.
    try:
        _check_footer(file, path)
        about = pq.read_metadata(file)
        if about.num_columns > TABLE_COLUMNS:  # at once: to make their names takes long
            raise too_many_columns(path)
        schema = about.schema.to_arrow_schema()
        names = _names(schema)
        check_header([name.strip() for name in names], path)
        check_rows(about.num_rows, len(names), path)
        size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        _check_size(size, path)
        # Words that are stored once stay so until it is known how long they are in all.
        words = [field.name for field in schema if _is_bytes(field.type)]
        with pq.ParquetFile(
            file, metadata=about, read_dictionary=words, page_checksum_verification=True
        ) as parquet:
            table = parquet.read()
        _check_size(sum(_expanded(column) for column in table.columns), path)
        columns = {
            name.strip(): _plain(table[name], text == "all" or name.strip() in text)
            for name in names
        }
        plain = pa.table(columns)
        plain.validate(full=True)  # that its text is UTF-8, which reading does not ask
        made = plain.to_pandas(ignore_metadata=True)
    except Exception as error:
        raise _unreadable(path, error) from error
    levels = [name for name in made if name.startswith(_NAMELESS)]
    made = made.drop(columns=[name for name in levels if pd.api.types.is_numeric_dtype(made[name])])
    return made.rename(columns={levels[0]: ""}) if len(levels) == 1 else made


def _names(schema: pa.Schema) -> list[str]:
    """The columns, those that pandas calls the index first."""
    try:
        index = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
        index = [name for name in index if name in schema.names]
    except (ValueError, LookupError, TypeError, RecursionError):  # not by pandas, or not whole
        index = []
    return [*index, *(name for name in schema.names if name not in set(index))]


def _check_footer(file: IO[bytes], path: Path) -> None:
    """That what the file says of itself is short."""
    file.seek(0, 2)
    if file.tell() >= 8:
        file.seek(-8, 2)
        size = int.from_bytes(file.read(4), "little")
        if file.read(4) == MAGIC and size > PARQUET_FOOTER:
            raise InputError(
                f"describes itself in {size / 2**20:,.0f} MiB, and at most "
                f"{PARQUET_FOOTER / 2**20:,.0f} are read",
                file=path,
                remedy="write it anew with fewer columns, in larger groups of rows",
            )
    file.seek(0)


def _check_size(size: int, path: Path) -> None:
    if size > PARQUET_BYTES:
        raise InputError(
            f"unpacks to {size / 2**30:,.1f} GiB, and at most {PARQUET_BYTES / 2**30:g} are read",
            file=path,
            remedy="leave out rows or columns",
        )


def _is_bytes(kind: pa.DataType) -> bool:
    """Whether its cells are of any length: text or bytes."""
    is_kind = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return any(test(kind) for test in (*is_kind, pa.types.is_large_binary))


def _expanded(column: pa.ChunkedArray) -> int:
    """The bytes of a column of words when each row has its own."""
    if not pa.types.is_dictionary(column.type) or not _is_bytes(column.type.value_type):
        return 0
    lengths = (pc.take(pc.binary_length(one.dictionary), one.indices) for one in column.chunks)
    return sum(pc.sum(each.cast(pa.int64())).as_py() or 0 for each in lengths)


def _plain(column: pa.ChunkedArray, text: bool) -> pa.ChunkedArray:
    """A column of any type of Arrow's as numbers, yes and no, times or text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type), text)
    whole = pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0)
    if whole and text:
        return column.cast(pa.string())
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_nested(kind):
        return _written(column, str)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:  # a picture, say
            return _written(column, lambda cell: f"{len(cell)} bytes")
    return column


def _written(column: pa.ChunkedArray, word: Callable[[Any], str]) -> pa.ChunkedArray:
    words = [None if cell is None else word(cell) for cell in column.to_pylist()]
    return pa.chunked_array([words], pa.string())


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    return InputError(
        f"cannot be read as Parquet ({reason_of(error)})", file=path, remedy="write it anew"
    )
