"""WebSockets: hands a connection whose client asked for one over to uvicorn's WebSocket protocol.

uvicorn's protocol has no deadline for a client that doesn't read, so a small protocol in front of it adds one.
"""

import asyncio
from copy import copy
from typing import Any, cast

import uvicorn

from gateway.http.exchange import Receive, Scope, Send
from gateway.transport.request_cycle import App
from gateway.transport.write_deadline import WriteDeadline


class WebSocketConnection(asyncio.Protocol):
    """Passes asyncio's calls on to ``protocol``, and aborts the connection of a client that doesn't read."""

    def __init__(self, protocol: asyncio.Protocol, write_deadline: WriteDeadline) -> None:
        self._protocol, self._write_deadline = protocol, write_deadline

    def take_over(self, transport: asyncio.Transport, received: bytes) -> None:
        """Takes a connection over from HTTP; ``received`` is the head of its request, and what came after it."""
        transport.set_protocol(self)
        self._write_deadline.begin_stream()
        self._protocol.connection_made(transport)
        self._protocol.data_received(received)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the deadline, and passes the call on."""
        self._write_deadline.resume()
        self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Passes the call on."""
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Passes the call on."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Starts the deadline, and passes the call on."""
        self._write_deadline.pause()
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Clears the deadline, and passes the call on."""
        self._write_deadline.resume()
        self._protocol.resume_writing()


def with_extensions(config: uvicorn.Config, extensions: dict[str, Any]) -> uvicorn.Config:
    """The configuration, but its application finds ``extensions`` in the scopes that uvicorn's protocol makes."""
    app = cast("App", config.loaded_app)

    async def extended(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), **extensions}
        await app(scope, receive, send)

    changed = copy(config)
    changed.loaded_app = cast("Any", extended)
    return changed
