"""An accepted WebSocket, as Strawberry's handler of graphql-transport-ws uses it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived

from gateway.http.exchange import Receive, Send

LONGEST_REASON = 123
"""A close frame has room for so many bytes of text (RFC 6455 §5.5)."""


class Socket:
    """Receives and sends JSON over one WebSocket. ``connection_params`` is the payload of connection_init."""

    connection_params: Mapping[str, Any] | None = None

    def __init__(self, receive: Receive, send: Send, longest: int) -> None:
        """``longest`` is the most characters of a message."""
        self._receive, self._send, self._longest = receive, send, longest
        self._task = asyncio.current_task()
        self.is_closed = False

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[Any, None]:
        """The client's messages, until either side closes. Raises Strawberry's errors for one that isn't JSON text."""
        while not self.is_closed:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self.is_closed = True
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > self._longest:
                await self.close(1009, f"Expected messages of up to {self._longest:,} characters.")
                return
            try:
                yield orjson.loads(text)
            except orjson.JSONDecodeError as error:
                if not ignore_parsing_errors:
                    raise NonJsonMessageReceived from error

    async def send_json(self, message: Mapping[str, Any]) -> None:
        """Sends a message."""
        await self.send(orjson.dumps(message))

    async def send(self, message: bytes) -> None:
        """Sends a message that is JSON already; none if the WebSocket has closed."""
        if self.is_closed:
            return
        try:
            await self._send({"type": "websocket.send", "text": message.decode()})
        except OSError:  # By ASGI's rules the client has gone; the next message received says so too.
            self.is_closed = True

    async def close(self, code: int, reason: str) -> None:
        """Closes the WebSocket, and ends the task that receives from it."""
        if self.is_closed:
            return
        self.is_closed = True
        # A reason may quote the client, in any script.
        shown = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        await self._send({"type": "websocket.close", "code": code, "reason": shown})
        if self._task and self._task is not asyncio.current_task():
            self._task.cancel()
