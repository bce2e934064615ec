"""A deadline that holds whatever is being done, also in C code that never lets Python go on.

On Linux the work is done by a child of the command's process. The command itself only waits, with a
clock: it ends the child when time is up, passes signals on to it, and tells how it ended. It has
imported nothing heavy, so nothing holds it up. Elsewhere a thread ends the process, as soon as C
code lets Python go on.

What is known is on disk by then, and files that belong together are not torn: work is broken off
between two writes.
"""

import ctypes
import mmap
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: Seconds between two looks at the clock.
_TICK = 0.02
#: Seconds beyond the end for the first files to be written, and for those that are being written.
_TO_ANSWER, _TO_WRITE = 60.0, 5.0
#: Seconds in which work that was told to stop must have stopped.
_TO_STOP = 5.0
#: Of Linux' prctl: the signal that a process gets when its parent has died.
_PR_SET_PDEATHSIG = 1

#: Called with how the work ended: its exit code, -n where signal n ended it, None where it was
#: broken off. Gives the exit code of the command.
Leave = Callable[[int | None], int]


class Watchdog:
    """Breaks work off at a moment; watches nothing until `guard` is called.

    Args:
        apart: whether the work gets a process of its own.

    Attributes:
        ends: the moment, of `time.monotonic`; None before `guard`.
        child: the process that works, where it is one of its own; else this one.
    """

    def __init__(self, *, apart: bool = sys.platform == "linux") -> None:
        self.ends: float | None = None
        self.child = os.getpid()
        self._answered = mmap.mmap(-1, 1)  # shared with a child
        self._at_rest: Any = threading.Lock()
        self._apart, self._told = False, 0
        if apart:
            with suppress(OSError, ImportError):  # a system without shared memory
                self._at_rest = multiprocessing.get_context("fork").Lock()
                self._apart = True

    @property
    def has_answer(self) -> bool:
        """Whether anything was written."""
        return self._answered[0] > 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let nothing be broken off while the block writes files that belong together."""
        with self._at_rest:
            yield
            self._answered[0] = 1

    def leaving(self) -> None:
        """Let nothing be broken off any more: all is done, and only to be told."""
        self._at_rest.acquire()

    def guard(self, ends: float, leave: Leave) -> None:
        """Go on in a process that is ended at `ends`, a moment of `time.monotonic`.

        The process that called does not come back: it waits, calls `leave` and ends. Without a
        process of its own `leave` is called only where the work is broken off.
        """
        self.ends = ends
        _flush()
        parent, child = os.getpid(), None
        if self._apart:
            # One that comes in between waits until somebody is there to take it.
            signal.pthread_sigmask(signal.SIG_BLOCK, _signals())
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, how it ended would be lost
            with suppress(OSError):  # no further process is allowed
                child = os.fork()
        if child is None:
            if self._apart:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _signals())
            threading.Thread(target=self._watch_self, args=(leave,), daemon=True).start()
            return
        if child:
            self.child = child
            _leave(leave, self._watch(child))
        # A group of its own: what it starts ends with it. It may write to the terminal even so.
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _signals())

    def _watch(self, child: int) -> int | None:
        """How the child ended; see `Leave`."""
        with suppress(OSError):  # where it has done so itself
            os.setpgid(child, child)
        for number in _signals():
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _: self._pass_on(child, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _signals())
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if self._is_over():
                _end(child)
                return -self._told if self._told else None
            time.sleep(_TICK)
        return os.waitstatus_to_exitcode(ended[1])

    def _watch_self(self, leave: Leave) -> None:
        while not self._is_over():
            time.sleep(_TICK)
        _leave(leave, None)

    def _is_over(self) -> bool:
        """Whether the work is to be broken off now, which nothing is written in then."""
        assert self.ends is not None
        over = time.monotonic() - self.ends
        if over < 0 or not (self.has_answer or self._told or over > _TO_ANSWER):
            return False
        return bool(self._at_rest.acquire(timeout=_TICK)) or over > _TO_WRITE

    def _pass_on(self, child: int, number: int) -> None:
        if number == signal.SIGTSTP:
            _suspend(child)
            return
        with suppress(ProcessLookupError):
            os.killpg(child, number)
        self._told = number
        assert self.ends is not None
        self.ends = min(self.ends, time.monotonic() + _TO_STOP)


def _signals() -> tuple[signal.Signals, ...]:
    """What is passed on to the work."""
    return signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP


def _end(child: int) -> None:
    """End a process and its group; one that hangs in the system is not waited for."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    for _ in range(50):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(_TICK)


def _suspend(child: int) -> None:
    """Stop both, as the terminal asks for, and go on together."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.killpg(child, signal.SIGCONT)


def _leave(leave: Leave, ended: int | None) -> None:
    try:
        code = leave(ended)
    finally:
        _flush()
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or none at all
            stream.flush()
