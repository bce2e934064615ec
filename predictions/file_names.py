"""Names of files that are no text, and names that are too long.

An id is text that every table, page and terminal can hold, but a file system's names are bytes. So
bytes that are no UTF-8, and control characters, stand in ids as `%` and two capital hexadecimal
digits (`caf%E9.mp4`); every other name is its own id, also one with a `%`. `on_disk` goes back.

What is printed and written in sentences is encoded with the errors `AS_ID`: bytes that are no UTF-8
stand there as in ids, and what an encoding lacks as its number.
"""

import codecs
import hashlib
import os
import platform
import re
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

#: How text is encoded that may hold names of files; the name of a handler of `codecs`.
AS_ID = "fakeodds.as_id"

#: What stands for a byte that is no UTF-8 (Python's surrogates), or is a control character.
_NO_TEXT = re.compile("[\udc80-\udcff\x00-\x1f\x7f]")
_ESCAPED = re.compile("%([01][0-9A-F]|7F|[89A-F][0-9A-F])")

#: Seconds after which a temporary file of another machine is taken for left behind.
_ABANDONED = 24 * 3600

#: Bytes of a name in a folder; file systems allow 255, and we add endings to names.
_LONGEST = 220


def as_id(name: str) -> str:
    """The name of a file, as Python gives it, as text that can be written anywhere."""
    return _NO_TEXT.sub(lambda one: f"%{ord(one[0]) & 0xFF:02X}", name)


def on_disk(path: Path) -> Path:
    """Where the file lies whose path was made of an id: the path itself where that is there."""
    if "%" not in str(path) or os.path.lexists(path):
        return path
    place = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        there = place / part
        place = there if os.path.lexists(there) else place / _ESCAPED.sub(_byte, part)
    return place


def short_name(name: str) -> str:
    """The name, or for one of over 220 bytes its beginning and a hash of all of it."""
    whole = os.fsencode(name)
    if len(whole) <= _LONGEST:
        return name
    digest = hashlib.sha256(whole).hexdigest()[:32]
    return f"{whole[: _LONGEST - 33].decode(errors='ignore')}~{digest}"


def _byte(escaped: re.Match[str]) -> str:
    number = int(escaped[1], 16)
    return chr(number if number < 0x80 else 0xDC00 + number)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    rest = as_id(error.object[error.start : error.end])
    return rest.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(AS_ID, _escaped)


def temporary_ending(process: int) -> str:
    """How the temporary names end of files that a process of this machine writes."""
    return f"{process}-{this_machine()}.tmp"


@cache
def this_machine() -> str:
    """What tells this machine from others that see the same folder, in few letters."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def abandoned(folder: Path, pattern: str) -> list[Path]:
    """Temporary files of `files.replacing` below a folder whose writers are no more.

    A writer on another machine is taken for one when its file is a day old.

    Args:
        pattern: of the names of what they were to become.
    """
    left = []
    for path in folder.rglob(f".{pattern}.*-*.tmp"):
        process, _, host = path.name.removesuffix(".tmp").rpartition(".")[2].partition("-")
        with suppress(OSError):  # it is finished meanwhile
            old = time.time() - path.stat().st_mtime > _ABANDONED
            if old or (
                host == this_machine() and process.isdecimal() and not _is_alive(int(process))
            ):
                left.append(path)
    return left


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
