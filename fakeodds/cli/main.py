"""The process of the command line: what is around a command, whatever the command is.

Nothing is imported that takes time, not even `typing`, before the process knows how to end: see
`stopping`.
"""

import os
import sys
import time

from fakeodds.cli import stopping


def main() -> None:
    """Run the command line as a process of its own."""
    # A deadline counts from here: the modules that a command imports take their time too.
    shared: dict[str, object] = {"began": time.monotonic(), "leave_at_once": False, "json": False}
    shared["own_process"] = True
    code: object = 0
    try:
        stopping.listen()
        open_streams()
        run(shared)
    except SystemExit as end:
        code = end.code
    except BaseException:
        # A second Ctrl-C while the first one was told of.
        if stopping.code() is None:
            raise
    stopped = stopping.code()
    if stopped is not None or shared["leave_at_once"]:
        # Threads may still be at work, and taking torch and OpenVINO down under them takes a
        # second, or crashes.
        flush()
        os._exit(stopped if stopped is not None else code if isinstance(code, int) else 0)
    flush()
    raise SystemExit(code)


def run(shared: dict[str, object] | None = None) -> None:
    """Run the command line; input that cannot be used ends in one sentence and exit code 2.

    Args:
        shared: what the command and its process tell each other: when it `began`, whether it is to
            `leave_at_once`, whether `json` is asked for, and whether it has its `own_process`.
    """
    if shared is None:
        shared = {"began": time.monotonic(), "leave_at_once": False, "json": False}
    try:
        # Now, as there may be no memory left for it when it is needed.
        from fakeodds.cli.failures import told
        from fakeodds.cli.group import fakeodds

        fakeodds(standalone_mode=False, obj=shared)
    except SystemExit:
        raise
    except BaseException as error:
        if stopping.code() is not None or isinstance(error, KeyboardInterrupt):
            _stop(stopping.SENTENCE, stopping.code() or 130)
        failure = told(error)
        if failure is None:
            raise
        # What is typed wrong may be found before --json is.
        asked = shared["json"] or "--json" in sys.argv
        _stop(failure.sentence, failure.code, failure.facts if asked else None)


def open_streams() -> None:
    """Make the standard streams take whatever is printed.

    Those that this process was started without lead to nowhere: else the next file that is opened
    takes the place of one, and gets what is printed; or one has taken it already, as the script has
    of a shell that is started without them. What a stream's encoding lacks is escaped, since a file
    may have any name.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if not _is_open(number, mode):
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            if nowhere != number:
                os.close(nowhere)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    from predictions.file_names import AS_ID

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors=AS_ID)  # type: ignore[union-attr]


def _is_open(number: int, mode: str) -> bool:
    """Whether a file of this number can be read or written."""
    try:
        import fcntl

        way = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
    except ModuleNotFoundError:  # Windows, which gives no process a stranger's file
        return True
    except OSError:
        return False
    return mode == "r" or way != os.O_RDONLY


def flush() -> None:
    """Print what is still to be printed, where somebody is there to read it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Python tries again when it ends, and would complain.
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            except (OSError, ValueError):  # it has no number, or is closed
                continue


def _stop(message: str, code: int, facts: dict[str, object] | None = None) -> None:
    try:
        if facts is not None:
            import json

            print(json.dumps({"error": facts}, indent=2, ensure_ascii=False))
        print(message, file=sys.stderr)
    except OSError:  # nobody is there to read it
        sys.exit(code)
    sys.exit(code)
