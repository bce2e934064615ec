"""How much memory a process and all below it hold together, watched from outside."""

import threading
import time

import psutil


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
