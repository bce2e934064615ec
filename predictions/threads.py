"""One thread for products of matrices, whose last bits depend on how many there are."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import threadpoolctl  # type: ignore[import-untyped]
from threadpoolctl import get_cached_controller

# The limit is the whole process': the first block sets it, and the last one that is left lifts it,
# in whatever order threads come and go.
_lock = threading.Lock()
_inside = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS computes with one thread inside, and with as many as before when nobody is inside."""
    global _inside, _limits
    with _lock:
        if _inside == 0:
            _limits = get_cached_controller().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _lift()


def _lift() -> None:
    """Lift the limit, whichever thread has set it: threadpoolctl 3.8 lets only that one."""
    blas: Any = getattr(threadpoolctl, "OpenBLASController", None)
    let_any = getattr(blas, "clear_controlling_thread", lambda force: None)
    let_any(force=True)
    _limits.restore_original_limits()
    let_any(force=True)


def one_openmp_thread() -> Any:
    """OpenMP computes with this thread alone inside, so that no others are begun.

    A process with threads of OpenMP hangs when it is forked and computes again. The limit is the
    calling thread's own.
    """
    return get_cached_controller().limit(limits=1, user_api="openmp")


def _begin_again() -> None:
    """In a forked process there is only the thread that forked."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
