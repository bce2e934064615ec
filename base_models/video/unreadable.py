"""What is said of files that cannot be used, and which files are opened at all."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from predictions.errors import InputError
from predictions.file_names import on_disk

_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


class UnusableMedia(Exception):
    """A file, or the track that was wanted of it, cannot be used.

    Attributes:
        reason: why, in words.
        code: the kind of reason, in a word.
    """

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason, code)
        self.reason, self.code = reason, code

    def __str__(self) -> str:
        return self.reason

    @property
    def sentence(self) -> str:
        """The reason as a sentence of its own."""
        return f"{self.reason[:1].upper()}{self.reason[1:].rstrip('.')}."


class UnreadableVideo(UnusableMedia):
    """What is wanted of a file cannot be decoded."""


@contextmanager
def as_unreadable() -> Iterator[None]:
    """Whatever a file makes the libraries raise in this block, as `UnreadableVideo`.

    Files are made by anybody, and one must not cost the others. The reason names what was raised,
    so that a mistake of ours is seen as one.
    """
    try:
        yield
    except (UnusableMedia, InputError):
        raise
    except Exception as error:
        raise_of_machine(error)
        detail = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), "")
        problem = f"{type(error).__name__}: {detail}" if detail else type(error).__name__
        raise UnreadableVideo(f"reading it failed ({problem})", "failed") from error


def raise_of_machine(error: Exception) -> None:
    """Go on with an error that says nothing of the file: the command ends, and can go on later.

    Raises:
        OSError: too many files are open at once.
    """
    number = getattr(error, "errno", None)
    if number in (errno.EMFILE, errno.ENFILE):
        raise OSError(number, os.strerror(number)) from error


def media_file(path: Path) -> Path:
    """Where the file of `path` (a root and an id) lies, a regular file: opening it never waits.

    Raises:
        UnreadableVideo: it is missing, or a folder, pipe, socket or device, or empty.
    """
    try:
        path = on_disk(path)
        about = path.stat()
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or type(error).__name__
        raise UnreadableVideo(f"the file cannot be opened ({detail})", "not_there") from error
    if not stat.S_ISREG(about.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(about.st_mode)), "special file")
        raise UnreadableVideo(f"it is a {kind}, and only files are opened", "no_file")
    if about.st_size == 0:
        raise UnreadableVideo("the file is empty", "empty")
    return path
