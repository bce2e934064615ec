"""The bytes of a table's file, packed or not, and not more of them than `predictions.limits` says.

How it is packed is seen in its first bytes, since browsers unpack a `.csv.gz` and leave its name.
"""

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from predictions.errors import InputError
from predictions.files import check_file
from predictions.limits import PACKED_FREE, PACKED_TIMES, TABLE_BYTES
from predictions.words import name_some, reason_of

#: Endings of packed files.
PACKED = (".gz", ".bz2", ".xz", ".zip")

_STEP = 4 << 20
_BY_MAGIC: tuple[tuple[bytes, Any], ...] = (
    (b"\x1f\x8b", gzip.open),
    *((b"BZh%d1A" % level, bz2.open) for level in range(1, 10)),
    (b"\xfd7zXZ\0", lzma.open),
)
#: Endings of tables of which several may lie in one zip, or in one folder.
TABLES = (".csv", ".tsv", ".parquet", ".pq")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
#: Where which bytes are -> what it is, of files that hold files but no one table.
_ARCHIVES: tuple[tuple[int, tuple[bytes, ...], str], ...] = (
    (0, _ZIP, "a zip within another packed file"),
    (257, (b"ustar",), "a tar archive"),
    (0, (b"Rar!\x1a\x07",), "a rar archive"),
    (0, (b"7z\xbc\xaf'\x1c",), "a 7z archive"),
    (0, (b"(\xb5/\xfd",), "packed with zstd"),
)
#: How text begins that is no table, in small letters -> what it is, and what to do.
_TEXTS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"<!doctype", b"<html"), "is a web page", "download the file itself"),
    ((b"{", b"["), "is JSON", "write it as CSV or Parquet"),
    ((b"version https://git-lfs",), "stands for a file of Git LFS", "fetch that: git lfs pull"),
)
#: Bytes that tell them.
_HEAD = 512
#: What the unpackers raise on bytes that are not as their beginning promised; an encrypted zip is a
#: RuntimeError.
_BROKEN = (
    *(OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, OverflowError, LookupError),
)


def unpacked(path: Path, most: int | None = None) -> bytes:
    """The bytes of a file, or the first `most` of them.

    Raises:
        InputError: there is no such regular file; it is damaged; it has too many bytes, or turns
            out to be made of nothing to fill the memory; a zip holds no table, or several; it is
            another archive, or holds one.
    """
    try:
        size = check_file(path)
        kept = io.BytesIO()
        with _opened(path) as file:
            while piece := file.read(_STEP if most is None else min(_STEP, most - kept.tell())):
                kept.write(piece)
                _check_size(path, size, kept.tell())
        data = kept.getvalue()
        _refuse_archive(data, path)
        return data
    except FileNotFoundError as error:
        raise InputError(
            "does not exist", file=path, remedy="check the name and the folder"
        ) from error
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(
            f"cannot be read ({reason_of(error)})",
            file=path,
            remedy="it may be cut off or not be packed as its ending says, so copy it anew",
        ) from error


def without_packing(path: Path) -> Path:
    """The path without the ending that says how it is packed, if there is one."""
    return path.with_suffix("") if path.suffix.lower() in PACKED else path


def refuse_archive(path: Path) -> None:
    """Say what a file is whose ending is no table's, where it is an archive or a workbook.

    Raises:
        InputError: it is one, or holds one; or as `unpacked`.
    """
    unpacked(path, _HEAD)


def _refuse_archive(data: bytes, path: Path) -> None:
    for at, marks, what in _ARCHIVES:
        if data.startswith(marks, at):
            raise InputError(
                f"is {what}", file=path, remedy="unpack it, and give the table that is in it"
            )
    text = data[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for starts, what, remedy in _TEXTS:
        if text.startswith(starts):
            raise InputError(f"{what}, and no table", file=path, remedy=remedy)


def _check_size(path: Path, packed: int, size: int) -> None:
    if size > TABLE_BYTES:
        raise InputError(
            f"holds more than {TABLE_BYTES / 2**30:g} GiB of text, the most that is read",
            file=path,
            remedy="save it as Parquet, or leave out rows and columns",
        )
    if size > PACKED_FREE and size > PACKED_TIMES * packed:
        raise InputError(
            f"unpacks to more than {PACKED_TIMES} times its {packed / 2**20:.1f} MiB, as no table "
            "does",
            file=path,
            remedy="give it unpacked if it is a table nevertheless",
        )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        head = file.read(6)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if head.startswith(_ZIP):
            with zipfile.ZipFile(file) as archive:
                table = _table_in(archive, path)
                _check_size(path, size, table.file_size)
                with archive.open(table) as member:
                    yield member
            return
        for magic, unpack in _BY_MAGIC:
            if head.startswith(magic):
                with unpack(file, "rb") as inner:
                    yield inner
                return
        yield file


def _table_in(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """The table in a zip; what macOS and Windows put beside it is passed over."""
    files = [
        one
        for one in archive.infolist()
        if not one.is_dir()
        and not one.filename.startswith("__MACOSX/")
        and not PurePosixPath(one.filename).name.startswith(".")
    ]
    tables = [one for one in files if PurePosixPath(one.filename).suffix.lower() in TABLES]
    taken = tables or files
    if len(taken) == 1:
        return taken[0]
    if any(one.filename == "[Content_Types].xml" for one in files):
        raise InputError(
            "is a workbook of a spreadsheet", file=path, remedy="save its sheet as CSV (UTF-8)"
        )
    names = name_some([one.filename for one in taken])
    raise InputError(
        f"holds {len(taken)} tables ({names})" if tables else "holds no table",
        file=path,
        remedy="pack one table alone, or unpack it and give each by itself",
    )
