"""Connections: the server's HTTP, with an end to its patience, and without what a small request does not need.

uvicorn has no bound by itself on how long a request may take to come, or an answer to be taken: a connection that sends
a byte now and then would be kept for ever (Slowloris), and so would answers that nobody reads. And it makes a task for
each request, which takes as long as many a query does: here a request that came whole runs right away, and becomes a
task only where it has to wait for something. Its answer is written in one piece.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Coroutine, Generator, MutableMapping
from contextvars import copy_context
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.http import WHOLE

LONGEST_HEAD = 32_768
LET_OTHERS_ACCEPT = 1e-6
"""As short as the system can sleep."""
AT_ONCE = struct.pack("ii", 1, 0)
LEAST_TAKEN = 65_536
"""So many bytes of an answer a client has to take while it may take its time once; whoever takes less holds memory."""
COPIED_BYTES = 16_384
"""A body of fewer is copied behind its head, which is less work for everybody than two pieces."""


class Connection(HttpToolsProtocol):
    """One client's connection; a request has to be there, head and body, within ``seconds``, an answer to be taken."""

    seconds = 10.0
    is_shared = False
    """Whether other workers accept connections from the same socket."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if self.is_shared:
            # All are woken by a new connection, and the first would take whatever else has come with it.
            time.sleep(LET_OTHERS_ACCEPT)
        self._timer: asyncio.TimerHandle | None = None
        self._in_head, self._in_body, self._head_bytes = False, False, 0
        self._untaken: asyncio.TimerHandle | None = None
        self._is_fed = False
        self._next: tuple[RequestResponseCycle, Any] | None = None
        self._rendered: tuple[object, bytes] = (None, b"")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        self._wait_no_longer()
        self._wait_for_no_taker()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it comes."""
        super().pause_writing()
        self._wait_for_taker()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        self._wait_for_no_taker()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Takes what came; a request that came whole, as most do, costs no timer and runs right away."""
        self._is_fed = True
        super().data_received(data)
        self._is_fed = False
        if self._next:
            (cycle, app), self._next = self._next, None
            if not self.transport.is_closing():  # As it is where something that is no HTTP came with it.
                self._begin(cycle, app)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        if self._in_head or self._in_body:
            if self._timer is None:
                self._wait()
        elif self._timer:
            self._wait_no_longer()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._in_body = False
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cast("MutableMapping[str, Any]", cycle.scope)[WHOLE] = partial(self._sent, cycle)
        if self._is_fed:  # Its body may be in the same data, and then there is nothing to wait for.
            self._next = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        context, running = copy_context(), cycle.run_asgi(app)
        try:
            waits_for = context.run(running.send, None)
        except StopIteration:
            return
        task = self.loop.create_task(_finish(Resumed(running, waits_for)), context=context)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _sent(self, cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        closing = b"" if cycle.keep_alive else b"connection: close\r\n"
        shown = b"" if cycle.scope["method"] == "HEAD" else body
        start = b"".join((STATUS_LINE[status], self._usual(), head, closing, b"\r\n"))
        if len(shown) < COPIED_BYTES:
            self.transport.write(start + shown)
        else:
            self.transport.writelines((start, shown))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def _usual(self) -> bytes:
        """The server's own headers, which are others every second."""
        headers = self.server_state.default_headers
        if self._rendered[0] is not headers:
            self._rendered = headers, b"".join(b"%b: %b\r\n" % pair for pair in headers)
        return self._rendered[1]

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.seconds, self._give_up)

    def _wait_no_longer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _wait_for_taker(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._untaken = self.loop.call_later(self.seconds, self._look_for_taker, left)

    def _wait_for_no_taker(self) -> None:
        if self._untaken:
            self._untaken.cancel()
            self._untaken = None

    def _look_for_taker(self, left: int) -> None:
        if self.transport.get_write_buffer_size() > left - LEAST_TAKEN:
            # What the operating system holds of the answer goes too.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.transport.abort()
        else:
            self._wait_for_taker()

    def _give_up(self) -> None:
        self._timer = None
        if self._in_head or self._in_body:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        self._wait_no_longer()
        answered = self._in_body and self.cycle.response_started
        if not answered and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self.transport.close()


class Resumed:
    """A coroutine that was run as far as it came without a task, and now waits for something."""

    def __init__(self, running: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._running, self._waits_for = running, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        """The rest of it."""
        waits_for = self._waits_for
        while True:
            given, thrown = None, None
            try:
                given = yield waits_for
            except BaseException as error:
                thrown = error
            try:
                waits_for = self._running.throw(thrown) if thrown else self._running.send(given)
            except StopIteration:
                return


async def own_task() -> None:
    """Gives a request that ran right away a task of its own, which timeouts, for one, want."""
    if asyncio.current_task() is None:
        await asyncio.sleep(0)


async def _finish(resumed: Awaitable[None]) -> None:
    await resumed
