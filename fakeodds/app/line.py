"""The line before the detectors: one video at a time, in the order they came."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from predictions.errors import InputError
from predictions.words import count


class Line:
    """Who waits. `most`: people who may, beside the one whose turn it is."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._moved = threading.Condition()
        self._places: list[Place] = []

    @contextmanager
    def place(self) -> Iterator["Place"]:
        """A place at the end of the line, given up after the block.

        Raises:
            InputError: too many wait already.
        """
        mine = Place(self._moved, self._places)
        with self._moved:
            if len(self._places) > self._most:
                raise InputError(
                    f"{count(self._most, 'video')} waiting already, and no more can",
                    remedy="try again in some minutes",
                )
            self._places.append(mine)
        try:
            yield mine
        finally:
            with self._moved:
                self._places.remove(mine)
                self._moved.notify_all()


class Place:
    """One's place in the line."""

    def __init__(self, moved: threading.Condition, places: "list[Place]") -> None:
        self._moved, self._places = moved, places

    def wait(self, seconds: float) -> int:
        """How many are still before this one after at most so many seconds; 0: its turn."""
        with self._moved:
            self._moved.wait_for(lambda: self._places[0] is self, seconds)
            return self._places.index(self)
