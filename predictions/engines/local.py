"""Processes of this machine (joblib's loky), whatever becomes of them.

A process that is killed, by the system when memory runs out or by a fault in a library, takes
nothing with it: what was under way is done again in new processes, each such piece alone, and only
a piece that kills its process alone as well, `ALONE` times, is lost.
"""

import ctypes
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from queue import SimpleQueue
from typing import Any, TypeVar

import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

from predictions.errors import InputError

Result = TypeVar("Result")
Piece = tuple[Any, ...]

#: How often a piece is tried alone before it is lost: more than once, since a machine that is out
#: of memory kills whatever is large, and not what made it so.
ALONE = 3
#: Seconds after which an idle process ends: what it has imported is worth keeping for a while.
IDLE = 300
#: Seconds between two looks of a process at whether its parent is there.
_LOOK = 1.0
#: Of Linux's <sys/prctl.h>: which signal the end of the thread that began this process sends.
_PR_SET_PDEATHSIG = 1
#: What the libraries of arithmetic read their number of threads from.
_THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
)


def work_in_processes(
    work: Callable[..., Result],
    pieces: Iterator[tuple[int, Piece]],
    jobs: int,
    lost: Callable[..., Result] | None,
) -> Iterator[tuple[int, Result]]:
    """Number and result of each piece, as they come, whatever becomes of the processes."""
    while True:
        under_way: dict[int, Piece] = {}
        try:
            yield from _attempted(work, pieces, jobs, under_way)
            return
        except TerminatedWorkerError:
            # One of these did it; alone, only that one does it again.
            for number, piece in sorted(under_way.items()):
                yield number, _alone(work, piece, lost)


def _alone(work: Callable[..., Result], piece: Piece, lost: Callable[..., Result] | None) -> Result:
    for _ in range(ALONE):
        with suppress(TerminatedWorkerError):
            ((_, result),) = _attempted(work, iter([(0, piece)]), 1, {})
            return result
    if lost is not None:
        return lost(*piece)
    raise killed_each_time(
        "free memory, or let fewer work at once (--jobs, --workers) or in smaller pieces "
        "(--batch); the same command then goes on from here"
    )


def killed_each_time(remedy: str) -> InputError:
    """What is said where a piece of work kills whatever does it."""
    return InputError(
        f"processes of this command were killed {ALONE + 1} times at the same piece of work (when "
        "memory runs out, the system does that)",
        remedy=remedy,
    )


def _attempted(
    work: Callable[..., Result],
    pieces: Iterator[tuple[int, Piece]],
    jobs: int,
    under_way: dict[int, Piece],
) -> Iterator[tuple[int, Result]]:
    """Number and result of each piece as they come; `under_way` holds those that are awaited.

    Raises:
        TerminatedWorkerError: a process was killed. Those that are awaited are lost with it, those
            that are still in `pieces` were not begun.
    """
    came: SimpleQueue[tuple[int, Future[Result]] | BaseException] = SimpleQueue()
    # Taken again by a thread whose piece is done before it looks.
    feeding, ended = threading.RLock(), False
    # The system ends a process with the thread that began it; other threads come and go.
    lasting = threading.current_thread() is threading.main_thread()
    with undisturbed():
        executor = get_reusable_executor(
            jobs,
            timeout=IDLE,
            initializer=end_with,
            initargs=(os.getpid(), lasting),
            env=environment(jobs),
        )

    def feed(count: int) -> None:
        """Send so many more pieces; in the pool's own thread, so that it never waits for us."""
        with feeding:
            if ended:
                return
            for number, piece in islice(pieces, count):
                under_way[number] = piece
                with undisturbed():
                    future = executor.submit(alone_in_process, work, piece)
                future.add_done_callback(partial(take, number))

    def take(number: int, future: Future[Result]) -> None:
        try:
            if future.exception() is None:
                feed(1)
        except BaseException as error:  # noqa: BLE001 -- of the arguments, told where they are waited for
            came.put(error)
        came.put((number, future))

    with _unalarmed():
        try:
            # One more than can be at work, so that nobody waits for the next.
            feed(jobs + 1)
            while under_way:
                answer = came.get()
                if isinstance(answer, BaseException):
                    raise answer
                number, future = answer
                result = future.result()
                del under_way[number]
                yield number, result
        finally:
            with feeding:
                ended = True
            if under_way:  # a process was killed, a piece raised, or the caller leaves
                executor.shutdown(wait=True, kill_workers=True)


def alone_in_process(work: Callable[..., Result], piece: Piece) -> Result:
    """The work; what it might share out itself stays in its process."""
    with joblib.parallel_config("sequential"):
        return work(*piece)


def environment(jobs: int) -> dict[str, str]:
    """What the processes find in their environment: threads that share the cores among them."""
    threads = str(max(joblib.cpu_count() // jobs, 1))
    names = {name: os.environ.get(name, threads) for name in _THREADS}
    # Empty: a process that crashes tells its parent, and prints nothing.
    # Passive: threads that wait leave the core to the other processes.
    more = {"PYTHONFAULTHANDLER": "", "OMP_WAIT_POLICY": "PASSIVE"}
    return names | {name: os.environ.get(name, value) for name, value in more.items()}


def end_with(parent: int, lasting: bool) -> None:
    """End this process when its parent is no more, even if that was killed.

    Args:
        lasting: whether the thread that began this process lives as long as the parent does.
    """
    if lasting and sys.platform == "linux":  # even where a library holds Python's lock for ever
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(1)

    if os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Processes and threads that begin inside do not get Ctrl-C: it is the parent's to end them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # The trackers, which tidy up after processes, outlive what ends those: a closed terminal too.
    # They open SIGINT as they begin, so they do not begin inside.
    with _blocked(signal.SIGHUP), _silent_trackers():
        resource_tracker.ensure_running()
        loky_tracker.ensure_running()
    with _blocked(signal.SIGINT):
        yield


@contextmanager
def _blocked(number: signal.Signals) -> Iterator[None]:
    """Without a signal to this thread, nor to processes and threads that it begins meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _silent_trackers() -> Iterator[None]:
    """Trackers that begin inside tidy up without a word: what a killed process left is no news."""
    word = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(word)
    try:
        yield
    finally:
        sys.warnoptions.remove(word)


@contextmanager
def _unalarmed() -> Iterator[None]:
    """Without the word that a process which has grown is renewed: nothing is lost by that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        yield
