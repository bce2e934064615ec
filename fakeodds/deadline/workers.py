"""Threads that work on items, one each, and can be left behind."""

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Generic[Item, Result]):
    """`threads` workers; whatever the work on an item raises is its result.

    A worker that is still at it when time is up, or has been at one item for longer than `patience`
    seconds, is left behind: it is a daemon, and the process may end without it.

    Args:
        work: what is done with an item; items are hashable, and each is under way once only.
        threads: how many work at once.
        patience: seconds; then the result of an item is a TimeoutError, and another worker takes
            the place of the one that is at it.
    """

    def __init__(
        self, work: Callable[[Item], Result], threads: int, patience: float = math.inf
    ) -> None:
        self._work, self._threads, self._patience = work, threads, patience
        self._todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Item, Result | BaseException]] = queue.SimpleQueue()
        self._under_way: dict[Item, float] = {}  # since when; the oldest first
        for _ in range(threads):
            self._start()

    def work(
        self,
        items: Sequence[Item],
        left: Callable[[], float],
        needs: Callable[[Item], float] = lambda item: 0.0,
    ) -> Iterator[tuple[Item, Result | BaseException]]:
        """The items and their results, as they come, until all are done or time is up.

        Args:
            items: worked on in their order.
            left: seconds until time is up.
            needs: an item is begun only while more seconds are left than this says.
        """
        todo = list(reversed(items))
        while True:
            while todo and len(self._under_way) < self._threads and left() > needs(todo[-1]):
                item = todo.pop()
                self._under_way[item] = time.monotonic()
                self._todo.put(item)
            if not self._under_way or (came := self._take(left())) is None:
                return
            yield came

    def _take(self, timeout: float) -> tuple[Item, Result | BaseException] | None:
        """The next result; None when none came in time."""
        ends = time.monotonic() + timeout
        while True:
            oldest, since = next(iter(self._under_way.items()))
            late = since + self._patience
            try:
                wait = max(min(ends, late) - time.monotonic(), 0.0)
                item, result = self._done.get(timeout=wait)
            except queue.Empty:
                if time.monotonic() < late:
                    return None
                self._start()
                item, result = oldest, TimeoutError(f"not done after {self._patience:.0f} s")
            # Of one that was given up before, nobody waits for the result any more.
            if self._under_way.pop(item, None) is not None:
                return item, result

    def _start(self) -> None:
        threading.Thread(target=self._labour, daemon=True).start()

    def _labour(self) -> None:
        while True:
            item = self._todo.get()
            try:
                self._done.put((item, self._work(item)))
            except BaseException as error:  # noqa: BLE001 - it is the item's result
                self._done.put((item, error))
