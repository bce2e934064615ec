"""Memory that was freed, given back to the system.

glibc keeps what large arrays leave behind between small ones, hundreds of megabytes after some
videos. loky takes a worker that has grown by 300 MB for a leaking one and starts another, which
imports everything anew: seconds without work.
"""

import ctypes
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

#: It is given back when the process has grown by this many bytes.
_GROWN = 200 * 2**20

_STATM = Path("/proc/self/statm")
_least = 0


def give_back_freed() -> None:
    """Give it back if the process has grown since it was smallest; does nothing without glibc."""
    global _least
    libc = _glibc()
    if libc is None:
        return
    held = _resident()
    if held >= _least + _GROWN:
        libc.malloc_trim(0)
        _least = _resident()
    else:
        _least = min(_least, held)


def _resident() -> int:
    """Bytes of memory that this process holds."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library, where it can do that and the system tells how much is held; else None."""
    if not _STATM.is_file():
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
