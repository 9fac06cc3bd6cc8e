"""A WebSocket's handshake as an exchange, so that it is checked, answered and logged like every request."""

import asyncio
from contextlib import suppress

from gateway.http.exchange import COMMON_HEADERS, Complete, Exchange, Headers, Message, Receive, Scope, Send

CLOSED_WITHIN_SECONDS = 2.0
EXTENSION = "websocket.http.response"
"""A server with this extension of ASGI sends a response instead of accepting; others can only answer 403.

https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
"""


class Handshake(Exchange):
    """The GET request with which a client asks for a WebSocket; a response to it refuses the WebSocket."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, complete: Complete) -> None:
        """``scope``, ``receive`` and ``send`` are a WebSocket's, of which the event connect was received."""
        can_respond = EXTENSION in (scope.get("extensions") or {})
        self._receive_of_websocket = receive

        async def receive_of_http() -> Message:
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return {"type": "http.disconnect"}

        async def send_of_http(message: Message) -> None:
            if can_respond:
                await send({**message, "type": f"websocket.{message['type']}"})
            elif message["type"] == "http.response.start":
                await send({"type": "websocket.close", "code": 1008})

        super().__init__({**scope, "method": "GET"}, receive_of_http, send_of_http, complete)

    async def respond(
        self, status: int, media_type: bytes | None, body: bytes, headers: Headers = COMMON_HEADERS
    ) -> None:
        """Sends the response, which refuses the WebSocket, and waits until its connection is closed.

        uvicorn takes a handshake for unfinished, and logs an error, until its protocol has lost the connection. It
        reports a disconnect at the response, and another one then.
        """
        await super().respond(status, media_type, body, headers)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN_SECONDS):
                for _ in range(2):
                    await self._receive_of_websocket()
