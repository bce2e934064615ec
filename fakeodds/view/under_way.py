"""What is under way, for a log: a line when it has taken a while, then ever more rarely."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

#: Seconds after which work is told of first; each further line comes after twice as many, ...
_FIRST = 10.0
#: ... but at most so many later.
_AT_MOST = 300.0


@dataclass
class _Stage:
    began: float
    had: int
    done: int
    total: int
    next: float


class UnderWay:
    """The stages of some work, and what is due to be said of them.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stages: dict[str, _Stage] = {}

    def report(self, stage: str, done: int, total: int) -> None:
        """So many pieces of so many are done; as `predictions.progress.Progress`."""
        known = self._stages.get(stage)
        if done >= total:
            self._stages.pop(stage, None)
        elif known is None:
            now = self._clock()
            self._stages[stage] = _Stage(now, done, done, total, now + _FIRST)
        else:
            known.done, known.total = done, total

    def due(self) -> list[str]:
        """The lines that are to be told now."""
        now = self._clock()
        lines = []
        for name, stage in list(self._stages.items()):
            if now >= stage.next:
                took = now - stage.began
                stage.next = now + min(took, _AT_MOST)
                lines.append(f"{name}: {_how_far(stage, took)}")
        return lines


def _how_far(stage: _Stage, took: float) -> str:
    so_far = f"{timedelta(seconds=round(took))} so far"
    if stage.total == 1:
        return so_far
    fresh = stage.done - stage.had
    said = f"{stage.done} of {stage.total}, {so_far}"
    if not fresh:
        return said
    left = timedelta(seconds=round(took / fresh * (stage.total - stage.done)))
    return f"{said}, {left} left"
