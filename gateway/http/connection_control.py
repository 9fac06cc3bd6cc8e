"""What the application asks of a request's connection beyond ASGI: the entry CONNECTION of ``scope["extensions"]``.

gateway/transport has it in each scope. Under another server, which has none, a stream's row may be read before the
client can take it, and a point read of a client that has disconnected ends by its time limit.
"""

from collections.abc import Mapping
from typing import Any, Protocol

CONNECTION = "proxygraph.connection"


class ConnectionControl(Protocol):
    """The connection of one request."""

    @property
    def is_paused(self) -> bool:
        """Whether the client has to take what was sent before more can be sent."""
        ...

    async def drained(self) -> None:
        """Waits until the connection can take more, or has closed."""
        ...

    def begin_stream(self) -> None:
        """Lets as little as possible wait in buffers from now on, since a stream can be resumed."""
        ...

    def allow_cancellation(self) -> None:
        """Lets the server cancel the request's task if it still runs a moment after the client has disconnected."""
        ...

    @property
    def is_cancelled(self) -> bool:
        """Whether the server has cancelled it for that reason."""
        ...


class _NoControl:
    is_paused = is_cancelled = False

    async def drained(self) -> None:
        """Nothing to wait for."""

    def begin_stream(self) -> None:
        """Nothing to limit."""

    def allow_cancellation(self) -> None:
        """Nobody cancels it."""


NO_CONTROL: ConnectionControl = _NoControl()


def connection_of(scope: Mapping[str, Any]) -> ConnectionControl:
    """The connection of a request or WebSocket; NO_CONTROL under a server that shows none."""
    found: ConnectionControl = scope.get("extensions", {}).get(CONNECTION, NO_CONTROL)
    return found
