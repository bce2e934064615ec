"""Work that is broken off at a moment, wherever it is."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfTime(Exception):
    """The moment has come."""


@contextmanager
def raising_at(moment: float) -> Iterator[None]:
    """Raise OutOfTime inside the block at `moment`, in seconds of `time.monotonic`.

    Only in the main thread, and where the system has alarms (not on Windows); else never.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    # Zero would be no alarm at all.
    signal.setitimer(signal.ITIMER_REAL, max(moment - time.monotonic(), 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
