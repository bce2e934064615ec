"""The memory that networks compute in: bounded for all together, however many are open.

OpenVINO keeps what a network needs for its maps until the network goes: for 16 crops of 380 pixels
a gigabyte, and five folds of five detectors keep eleven. Here those that were used longest ago
give theirs back, which costs some hundredths of the work the next time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol
from weakref import WeakKeyDictionary

from base_models.compute.memory import give_back_freed

#: Pixels of input whose maps are held at once. Maps take 200 to 750 bytes a pixel.
MOST_PIXELS = 16 * 380 * 380


class Network(Protocol):
    """What computes in a workspace of its own; several threads may use it at once."""

    def release_memory(self) -> None:
        """Give the workspace back. Nobody uses the network meanwhile."""


class Workspaces:
    """Who holds how much, the one that was used longest ago first.

    Args:
        most: pixels of input that all may hold; one network alone may hold more.
    """

    def __init__(self, most: int = MOST_PIXELS) -> None:
        self._most = most
        self._lock = Lock()
        self._held: WeakKeyDictionary[Network, int] = WeakKeyDictionary()
        self._users: WeakKeyDictionary[Network, int] = WeakKeyDictionary()

    @contextmanager
    def using(self, network: Network, pixels: int) -> Iterator[None]:
        """The network is used in the block, for so many pixels of input at once."""
        with self._lock:
            self._users[network] = self._users.get(network, 0) + 1
            self._held.pop(network, None)
            self._held[network] = pixels
            self._make_room()
        try:
            yield
        finally:
            with self._lock:
                self._users[network] -= 1

    def _make_room(self) -> None:
        idle = [one for one in self._held if not self._users.get(one)]
        total, released = sum(self._held.values()), False
        for network in idle:
            if total <= self._most:
                break
            total -= self._held.pop(network)
            network.release_memory()
            released = True
        if released:
            give_back_freed()


#: Those of this process.
WORKSPACES = Workspaces()
