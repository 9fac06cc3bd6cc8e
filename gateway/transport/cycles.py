"""Cycles: a request and its answer, as uvicorn has them, where one or the other is in one piece."""

import asyncio
from collections.abc import MutableMapping
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.http.exchange import WHOLE

COPIED_BYTES = 16_384
"""A body of fewer is copied behind its head, which is less work for everybody than two pieces."""


class Piece:
    """A request that may have come in one piece, and whose answer may be sent in one."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def whole_body(self) -> bytes | None:
        """The request's body, if all of it is there."""
        cycle = self._cycle
        is_there = not (cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue)
        return bytes(cycle.body) if is_there else None

    def send_whole(self, status: int, head: bytes, body: bytes) -> bool:
        """Sends the answer; False where that can't be done."""
        return _send(self._cycle, status, head, body)


class WholeCycle(RequestResponseCycle):
    """The cycle of a request that did come in one piece, on a connection that is kept.

    It is told its attributes one by one, as the class above does itself, in a third of the time.
    """

    def __init__(self, connection: HttpToolsProtocol, scope: Any, body: bytes) -> None:
        self.scope = scope
        self.transport, self.flow = connection.transport, connection.flow
        self.logger, self.access_logger = connection.logger, connection.access_logger
        self.access_log = connection.access_log
        self.default_headers = connection.server_state.default_headers
        self.on_response = connection.on_response_complete
        self.message_event = asyncio.Event()
        self.message_event.set()
        self.disconnected = self.waiting_for_100_continue = False
        self.keep_alive = True
        self.body = cast("bytearray", body)
        self.more_body = self.response_started = self.response_complete = False
        self.chunked_encoding = None
        self.expected_content_length = 0

    def whole_body(self) -> bytes | None:
        """The request's body, unless it was taken already."""
        return cast("bytes", self.body)

    def send_whole(self, status: int, head: bytes, body: bytes) -> bool:
        """Sends the answer; False where that can't be done."""
        return _send(self, status, head, body)


class Rendered:
    """The server's own headers as they are sent; they are others every second."""

    _headers: object = None
    _text = b""

    def of(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """These, each on its line."""
        if headers is not self._headers:
            self._headers, self._text = headers, b"".join([b"%b: %b\r\n" % pair for pair in headers])
        return self._text


RENDERED = Rendered()


def _send(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    scope, transport = cast("MutableMapping[str, Any]", cycle.scope), cycle.transport
    closing = b"" if cycle.keep_alive else b"connection: close\r\n"
    shown = b"" if scope["method"] == "HEAD" else body
    start = (STATUS_LINE[status], RENDERED.of(cycle.default_headers), head, closing, b"\r\n")
    if len(shown) < COPIED_BYTES:
        transport.write(b"".join((*start, shown)))
    else:
        transport.writelines((b"".join(start), shown))
    if not cycle.keep_alive:
        transport.close()
    del scope[WHOLE]  # Which refers back to it: both can go at once now.
    cycle.on_response()
    return True
