"""A process of its own for the work of one thread, which survives whatever that does to it.

A worker of a cluster hands each piece of work to such a process and waits. So a fault in a library
ends the process and not the worker, a library that holds Python's lock does not keep the worker
from telling its scheduler that it lives, and what is not safe in threads is never in two at once.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from predictions.engines.local import (
    ALONE,
    IDLE,
    alone_in_process,
    end_with,
    environment,
    undisturbed,
)

Result = TypeVar("Result")

_here = threading.local()


class Gate:
    """Lets in many at once, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._alone = 0, False

    @contextmanager
    def among_others(self) -> Iterator[None]:
        """Inside with others of this kind."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside when all others have left, and nobody comes in meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()


_gate = Gate()


def work_in_child(
    work: Callable[..., Result],
    piece: tuple[Any, ...],
    lost: Callable[..., Result] | None,
    threads: int,
) -> Result:
    """work(*piece) in the process of this thread.

    A piece that kills the process is tried `ALONE` times more, when nobody else works here.

    Args:
        lost: lost(*piece) is the result of a piece that kills the process each time.
        threads: of this program that do such work at once.

    Raises:
        TerminatedWorkerError: there was such a piece, and no `lost`.
    """
    try:
        with _gate.among_others():
            return _attempt(work, piece, threads)
    except TerminatedWorkerError:
        pass
    for _ in range(ALONE):
        try:
            with _gate.alone():
                return _attempt(work, piece, threads)
        except TerminatedWorkerError as error:
            killed = error
    if lost is None:
        raise killed
    return lost(*piece)


def _attempt(work: Callable[..., Result], piece: tuple[Any, ...], threads: int) -> Result:
    # Workers that a nanny watches are daemons, which Python forbids processes of their own; these
    # end by themselves with their parent.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    with undisturbed():
        if getattr(_here, "executor", None) is None:
            _here.executor = ProcessPoolExecutor(
                1,
                timeout=IDLE,
                initializer=end_with,
                initargs=(os.getpid(), False),
                env=environment(threads),
            )
        future = _here.executor.submit(alone_in_process, work, piece)
    try:
        result: Result = future.result()
    except TerminatedWorkerError:
        _here.executor = None
        raise
    return result
