"""Files that somebody else made: what is looked at before one is opened."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from predictions.errors import InputError
from predictions.files import check_file

#: The longest side of a picture that a network may take, in pixels.
LARGEST_SIDE = 4096
#: The most bytes of a network's graph with what lies in its file: ONNX and TFLite can have no more.
LARGEST_GRAPH = 2 * 2**30
#: The most numbers that one operation of a network may give.
LARGEST_ARRAY = 2**30


def refuse_unless_file(path: Path, most: int) -> None:
    """Refuse what is no regular file (a folder, a pipe, a device), or a larger one.

    Args:
        path: what is to be opened; a link is followed.
        most: bytes.

    Raises:
        InputError: it is one of those, or cannot be reached.
    """
    try:
        size = check_file(path)
    except FileNotFoundError as error:
        raise InputError("no such file", file=path, remedy="check the path") from error
    if size > most:
        raise InputError(
            f"is larger than such a file can be ({size / 1e9:.3g} GB)",
            file=path,
            expected=f"at most {most / 1e9:.3g} GB",
        )


@contextmanager
def mapped(path: Path, most: int) -> Iterator[memoryview]:
    """The bytes of a file, which take memory only where they are looked at.

    Raises:
        InputError: as `refuse_unless_file`.
    """
    refuse_unless_file(path, most)
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                yield memoryview(b"")
                return
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except PermissionError as error:
        raise InputError("may not be read", file=path, remedy="change its permissions") from error
    # It is closed when nobody looks at it any more.
    yield memoryview(content)


def refuse_large_picture(height: int | None, width: int | None, path: Path) -> None:
    """Refuse a network whose pictures no memory holds; None: it takes any.

    Raises:
        InputError: a side is too long.
    """
    if max(height or 0, width or 0) > LARGEST_SIDE:
        raise InputError(
            f"the network takes pictures of {width} x {height} pixels",
            file=path,
            expected=f"sides of at most {LARGEST_SIDE} pixels",
        )
