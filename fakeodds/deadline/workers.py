"""Threads that work on what they are given, one item each, and can be left behind."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew(Generic[Item, Result]):
    """`threads` workers; the one who leads hands out items and takes results as they come.

    A worker that is still at it when time is up is left behind: it is a daemon, and the process may
    end without it.
    """

    def __init__(self, work: Callable[[Item], Result], threads: int) -> None:
        self._work = work
        self._todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Item, Result | Exception]] = queue.SimpleQueue()
        self.threads = threads
        self.busy = 0
        for _ in range(threads):
            threading.Thread(target=self._labour, daemon=True).start()

    @property
    def idle(self) -> int:
        """How many workers wait for an item."""
        return self.threads - self.busy

    def give(self, item: Item) -> None:
        """Hand out an item."""
        self.busy += 1
        self._todo.put(item)

    def take(self, timeout: float) -> tuple[Item, Result] | None:
        """The next result; None when none came in time.

        Raises:
            Exception: what the work raised.
        """
        try:
            item, result = self._done.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            return None
        self.busy -= 1
        if isinstance(result, Exception):
            raise result
        return item, result

    def _labour(self) -> None:
        while True:
            item = self._todo.get()
            try:
                self._done.put((item, self._work(item)))
            except Exception as error:  # noqa: BLE001 - the leader raises it again
                self._done.put((item, error))
