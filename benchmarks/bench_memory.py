"""How much memory a process and all below it hold together, watched from outside, and a command's
seconds with it."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

FAKEODDS = Path(sys.executable).with_name("fakeodds")


class Peak:
    """The most that they held while this was open, in MB; shared pages count once a process.

    Args:
        pid: of the process.
        below: also what it started.
    """

    def __init__(self, pid: int, *, below: bool = False) -> None:
        self._process, self._below, self.mb = psutil.Process(pid), below, 0.0
        self._closed = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Peak":
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._closed.is_set():
            try:
                watched = [self._process]
                watched += self._process.children(recursive=True) if self._below else []
                self.mb = max(self.mb, sum(one.memory_info().rss for one in watched) / 2**20)
            except psutil.Error:  # one of them has ended meanwhile
                pass
            time.sleep(0.2)


def measure_command(*words: object) -> tuple[float, float]:
    """Seconds and MB of `fakeodds` with these words."""
    began = time.perf_counter()
    process = subprocess.Popen([str(FAKEODDS), *map(str, words)], stdout=subprocess.DEVNULL)
    with Peak(process.pid, below=True) as peak:
        if process.wait():
            sys.exit(f"{process.args} ended with {process.returncode}")
    return time.perf_counter() - began, peak.mb
