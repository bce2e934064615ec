"""Work that is broken off at a moment, wherever it is."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Seconds until the alarm is raised again, where something swallowed it.
_AGAIN = 0.05


class OutOfTime(BaseException):
    """The moment has come; no `Exception`, which libraries swallow while they are imported."""


@contextmanager
def raising_at(moment: float) -> Iterator[None]:
    """Raise OutOfTime inside the block at `moment`, in seconds of `time.monotonic`.

    Whoever swallows it gets it again; `finally` and `except` blocks that it passes on its way are
    left to end. Only in the main thread, and where the system has alarms (not on Windows); else
    never.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return
    armed = True

    def stop(number: int, frame: FrameType | None) -> None:
        if armed and not _is_of_alarm(sys.exception()):
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    try:
        # Zero would be no alarm at all.
        signal.setitimer(signal.ITIMER_REAL, max(moment - time.monotonic(), 1e-3), _AGAIN)
        try:
            yield
        finally:
            armed = False
    except Exception as error:
        # Whatever something made of it on its way.
        if _is_of_alarm(error):
            raise OutOfTime from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_of_alarm(error: BaseException | None) -> bool:
    """Whether it is the alarm, or was raised because of it."""
    while error is not None and not isinstance(error, OutOfTime):
        error = error.__cause__ or error.__context__
    return error is not None
