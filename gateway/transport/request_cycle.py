"""The ASGI cycle of one request: receive() for its body, send() for the response.

Follows https://asgi.readthedocs.io/en/latest/specs/www.html. The head of a response is sent with the first part
of its body.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from gateway.http.exchange import UNWATCHED_SECONDS, Message, Receive, Scope, Send
from gateway.transport.control import Control
from gateway.transport.write_deadline import WriteDeadline

COPIED_BYTES = 16_384
"""Smaller bodies are appended to the head, since one write costs less than two."""
KEPT_BYTES = 65_536
"""Reading pauses while more of the request's body than this waits for the application."""
WITHOUT_BODY = (204, 304)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE, CHUNKED = b"connection: close\r\n", b"transfer-encoding: chunked\r\n"
FAILED: Message = {
    "type": "http.response.start",
    "status": 500,
    "headers": [(b"connection", b"close"), (b"content-length", b"0")],
}

App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("proxygraph.gateway")


class Client(Protocol):
    """The connection of a cycle's client."""

    @property
    def write_deadline(self) -> WriteDeadline:
        """Its flow control."""
        ...

    @property
    def control(self) -> Control:
        """What the application asks of it."""
        ...

    def write(self, data: bytes) -> None:
        """Sends bytes."""
        ...

    def read_on(self) -> None:
        """Resumes reading."""
        ...

    def answered(self) -> None:
        """Is called after the last part of the response was sent."""
        ...

    def default_headers(self) -> bytes:
        """The headers that every response has, encoded."""
        ...

    def close(self) -> None:
        """Closes it."""
        ...


class RequestCycle:
    """A request whose head has arrived; if it ``keeps_alive``, its connection can have another one after it."""

    is_whole = False
    """Whether the whole request has arrived."""
    is_begun = False
    """Whether the application was called."""
    is_started = is_answered = False
    """Whether the first and the last part of the response were sent."""
    is_gone = False
    """Whether the client has disconnected."""
    task: "asyncio.Task[None] | None" = None
    """What runs the application, if that had to wait."""
    _is_body_taken = _is_chunked = False
    _waiting: asyncio.Future[None] | None = None
    _head: Message | None = None
    _left: int | None = 0

    def __init__(self, client: Client, scope: Scope, keeps_alive: bool, expects_continue: bool) -> None:
        self._client, self.scope = client, scope
        self.keeps_alive, self.expects_continue = keeps_alive, expects_continue
        self._body = b""

    def add(self, body: bytes, is_whole: bool) -> None:
        """Adds a part of the request's body."""
        if body and not self.is_answered:
            self._body = self._body + body if self._body else body
        if body or is_whole:
            self.expects_continue = False
        self.is_whole = is_whole
        self._wake()

    @property
    def is_full(self) -> bool:
        """Whether reading has to pause until the application receives some of the body."""
        return len(self._body) > KEPT_BYTES and not self.is_answered

    def disconnect(self) -> None:
        """Notes that the client disconnected, wakes receive(), and cancels the application later if it may be."""
        self.is_gone = True
        self._wake()
        self._cancel_later()

    async def run(self, app: App) -> None:
        """Runs the application; if it fails or doesn't respond, sends a 500, or closes after the head was sent."""
        try:
            await app(self.scope, self.receive, self.send)
            if not (self.is_answered or self.is_gone):
                log.error("A request was left without an answer.")
        except Exception:
            log.exception("A request failed.")
        finally:
            if not (self.is_answered or self.is_gone):
                await self._fail()

    async def receive(self) -> Message:
        """The next part of the request's body, or http.disconnect after a disconnect or the whole response."""
        if self.expects_continue and not self.is_started:
            self.expects_continue = False
            self._client.write(CONTINUE)
        while not (self.is_gone or self.is_answered or self._body or (self.is_whole and not self._is_body_taken)):
            self._client.read_on()
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        if self.is_gone or self.is_answered:
            return {"type": "http.disconnect"}
        body, self._body, self._is_body_taken = self._body, b"", self.is_whole
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def send(self, message: Message) -> None:
        """Sends a part of the response; waits while the client reads too slowly."""
        if self._client.write_deadline.is_paused:
            await self._client.write_deadline.drained()
        if self.is_gone:
            return
        if message["type"] == "http.response.start" and self._head is None:
            self._head = message
        elif message["type"] == "http.response.body" and self._head is not None and not self.is_answered:
            self._send_body(self._head, message.get("body", b""), not message.get("more_body"))
        else:
            raise RuntimeError(f"Expected the next part of an answer, but got {message['type']}.")

    def _send_body(self, start: Message, body: bytes, is_last: bool) -> None:
        head = b"" if self.is_started else self._encoded_head(start)
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._is_chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"0\r\n\r\n" if is_last else b"")
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (is_last and self._left):
                raise RuntimeError("Expected an answer of the length that its head says.")
        self.is_started = True
        if len(body) < COPIED_BYTES:
            self._client.write(head + body)
        else:
            if head:
                self._client.write(head)
            self._client.write(body)
        if is_last:
            self.is_answered = True
            self._wake()
            self._client.answered()

    def _encoded_head(self, message: Message) -> bytes:
        status, headers = message["status"], message.get("headers", ())
        lines = b"\r\n".join((*map(b": ".join, headers), b""))
        if not lines.count(b"\r") == lines.count(b"\n") == len(headers):
            raise RuntimeError("Expected headers of one line each.")
        by_name = dict(headers)
        length = by_name.get(b"content-length")
        self._left = int(length) if length else 0 if status in WITHOUT_BODY else None
        self._is_chunked = self._left is None and self.scope["http_version"] == "1.1"
        is_last = by_name.get(b"connection") == b"close"
        if is_last or self.expects_continue or (self._left is None and not self._is_chunked):
            # Asked to close, or an unanswered Expect leaves the body uncertain, or only closing ends the response.
            self.keeps_alive = False
        return b"".join(
            (
                _status_line(status),
                self._client.default_headers(),
                lines,
                CHUNKED if self._is_chunked else b"",
                b"" if self.keeps_alive or is_last else CLOSE,
                b"\r\n",
            )
        )

    def _cancel_later(self) -> None:
        if self.task and not self.task.done():
            self.task.get_loop().call_later(UNWATCHED_SECONDS, self._cancel)

    def _cancel(self) -> None:
        control = self._client.control
        if self.task and control.may_cancel:
            control.is_cancelled = self.task.cancel()
        else:
            self._cancel_later()  # The application may still allow it.

    async def _fail(self) -> None:
        if self.is_started:
            self._client.close()
            return
        self._head = None
        await self.send(FAILED)
        await self.send({"type": "http.response.body"})

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)


@lru_cache
def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()
