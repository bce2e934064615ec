"""When a command began, how slow the machine is for it, and when its work must end."""

import os
import time
from pathlib import Path

#: Of the time before the command line was read so much counts at most: this share of the deadline,
#: and so many times what was computed. A script that became the command by `exec` may be hours old.
_START_SHARE, _START_SLOWNESS = 0.5, 20.0

#: Left for the end: seconds of an idle machine for the last words, and what writing took before, so
#: many times; but no more than this share of the deadline.
_LAST_WORDS, _WRITES, _AT_MOST = 0.5, 3.0, 0.25

#: So long before the deadline work is broken off: seconds of an idle machine, but no more than this
#: share of the deadline.
_LEAVING, _LEAVING_AT_MOST = 0.5, 0.2

#: Slower than so many times, a machine does not compute at all but waits for something.
_SLOWEST = 10.0


class Clock:
    """A deadline, and the pace of the process that works by it.

    Args:
        began: when it began to count, a moment of `time.monotonic`.
        seconds: how long it is.
        breaks_off: when work that has not ended is broken off; shortly before the deadline if None.

    Attributes:
        slowness: wall seconds for a second of computing: 1 on an idle machine, 4 where others leave
            a quarter of a core.
    """

    def __init__(self, began: float, seconds: float, breaks_off: float | None = None) -> None:
        self.began, self.seconds = began, seconds
        self.slowness = 1.0
        self._breaks_off = breaks_off
        self._since, self._computed = time.monotonic(), time.process_time()

    @classmethod
    def of_this_process(cls, seconds: float) -> "Clock":
        """A deadline that counts from the start of this process, which has only begun."""
        age, computed = process_age(), time.process_time()
        counted = min(age, _START_SHARE * seconds, _START_SLOWNESS * computed)
        clock = cls(time.monotonic() - counted, seconds)
        clock._learn(age, computed)
        return clock

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    @property
    def late(self) -> float:
        """Seconds since it was over; 0 before."""
        return max(0.0, self.spent - self.seconds)

    @property
    def breaks_off(self) -> float:
        """When whatever is still being done is broken off: a moment of `time.monotonic`."""
        if self._breaks_off is not None:
            return self._breaks_off
        leaving = min(_LEAVING * self.slowness, _LEAVING_AT_MOST * self.seconds)
        return self.began + self.seconds - leaving

    def measure(self) -> None:
        """Learn how slow the machine is, from all that was done since the clock was made.

        Threads that compute side by side hide it: a machine that was slow once counts as slow.
        """
        self._learn(time.monotonic() - self._since, time.process_time() - self._computed)

    def work_ends(self, writing: float = 0.0) -> float:
        """When work must end so that what it found is written in time: of `time.monotonic`.

        Args:
            writing: seconds that it took last time, on this machine as busy as it is.
        """
        reserved = _LAST_WORDS * self.slowness + _WRITES * writing
        return self.breaks_off - min(reserved, _AT_MOST * self.seconds)

    def _learn(self, passed: float, computed: float) -> None:
        self.slowness = max(self.slowness, min(passed / max(computed, 1e-3), _SLOWEST))


def process_age() -> float:
    """Seconds since this process began; no less than it has computed."""
    try:
        began = int(Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[19])
        up = time.clock_gettime(time.CLOCK_BOOTTIME)
        age = up - began / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):  # no Linux
        age = 0.0
    return max(age, time.process_time())
