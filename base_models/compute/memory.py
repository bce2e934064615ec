"""Memory that was freed: kept to be filled again, or given back to the system.

A frame is some megabytes, and for each glibc asks the system for memory and gives it back, page
by page: a twentieth of the work on faces. Kept instead, it is there for the next frame.

What large arrays leave behind between small ones is kept anyway, hundreds of megabytes after some
videos. loky takes a worker that has grown by 300 MB for a leaking one and starts another, which
imports everything anew: seconds without work.

And how much there is.
"""

import ctypes
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

#: It is given back when the process has grown by this many bytes.
_GROWN = 200 * 2**20

#: Blocks of up to this many bytes are kept, the most that glibc allows.
_KEPT_BLOCK = 32 * 2**20
#: glibc's mallopt: how much is kept at the end of the heap; from what size on a block is apart.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

#: Where Linux tells how much a container may hold, by the version of its control groups.
_GROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)

_STATM = Path("/proc/self/statm")
_least = 0


def machine_memory() -> int | None:
    """Bytes of memory that this machine or container has, held or free; None where none tells."""
    try:
        known = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
    for path in _GROUPS:
        try:
            known.append(int(path.read_text()))
        except (OSError, ValueError):  # there is none, or it says `max`
            continue
    return min(known)


@lru_cache(maxsize=1)
def keep_freed() -> None:
    """From now on keep freed memory for what comes; does nothing without glibc."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, _KEPT_BLOCK)
        libc.mallopt(_M_TRIM_THRESHOLD, _GROWN)


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
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
