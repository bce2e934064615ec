"""A connection to a browser that doesn't wait for ever."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: A connection has so many seconds to say what it wants; so many may be open at once.
_SAID_WITHIN, _MOST = 30, 512


class Connection(H11Protocol):
    """A connection that is closed when nothing is asked on it for long, or too many are open."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._patience: asyncio.TimerHandle | None = None
        if len(self.connections) > _most():
            transport.abort()
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._patient()

    def _wait(self) -> None:
        """Wait for a request, or for the rest of one that is answered already."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._patient()
        elif self._patience is None:
            self._patience = self.loop.call_later(_SAID_WITHIN, self.transport.abort)

    def _patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _most() -> int:
    """Connections that may be open: half of the files that this process may have open."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return _MOST
    return min(_MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
