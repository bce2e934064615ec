"""What ends a command from outside: Ctrl-C, SIGTERM (systems that shut down), SIGHUP (terminals).

Each is raised as a KeyboardInterrupt, so that what is under way is left in order: half-written
files go, processes end, locks are given back. Whatever becomes of it on its way (libraries turn it
into other errors while they are imported, or swallow it) the command knows that it was asked to.
"""

# The signals themselves: `signal` makes enumerations of them, and that takes time; `threading` and
# more are imported when a command is asked to end.
import _signal as signal  # type: ignore[import-not-found]
import os
import sys

#: After so many seconds the process ends, whatever still holds it.
_PATIENCE = 20.0
#: So soon it is raised again where it could not be.
_AGAIN = 0.05
#: The same command goes on from what is there.
SENTENCE = "fakeodds: stopped; the same command goes on from here."

_asked: int | None = None


class Stopped(KeyboardInterrupt):
    """The command was asked to end."""


def listen() -> None:
    """From now on, in a process of the command line: the signals raise `Stopped`.

    Those that the process was started without (`nohup`) stay ignored.
    """
    for number in heeded():
        signal.signal(number, _stop)
    sys.unraisablehook = _raise_again


def heeded() -> list[int]:
    """The numbers of the signals that end a command here: Windows has fewer, `nohup` takes one."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]


def code() -> int | None:
    """The exit code of a command that was asked to end (130 for Ctrl-C); None if it was not."""
    return None if _asked is None else 128 + _asked


def _stop(number: int, frame: object) -> None:
    global _asked
    if _asked is None:
        _asked = number
        import threading

        threading.Thread(target=_end_at_last, daemon=True).start()
    raise Stopped


def _end_at_last() -> None:
    import time

    time.sleep(_PATIENCE)
    sys.stderr.write(SENTENCE + "\n")
    sys.stderr.flush()
    os._exit(code() or 1)


def _raise_again(lost: object) -> None:
    """Where nothing can be raised (as in a destructor), it is raised a moment later."""
    if isinstance(getattr(lost, "exc_value", None), Stopped):
        import threading

        again = threading.Timer(_AGAIN, os.kill, (os.getpid(), _asked or signal.SIGINT))
        again.daemon = True
        again.start()
    elif _asked is None:
        sys.__unraisablehook__(lost)  # type: ignore[arg-type]
