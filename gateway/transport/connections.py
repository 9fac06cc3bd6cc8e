"""Connections: the server's HTTP, with an end to its patience, and without what a small request does not need.

uvicorn has no bound by itself on how long a request may take to come, or an answer to be taken: a connection that sends
a byte now and then would be kept for ever (Slowloris), and so would answers that nobody reads. And it makes a task for
each request, which takes as long as many a query does: here a request that came whole runs right away, and becomes a
task only where it has to wait for something. A head that came before, byte by byte, is not parsed again. An answer is
written in one piece.
"""

import asyncio
import socket
import struct
import time
from collections.abc import MutableMapping
from typing import Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.http.exchange import WHOLE
from gateway.http.tasks import start
from gateway.transport.cycles import Piece, WholeCycle
from gateway.transport.deadline import Patience
from gateway.transport.heads import Head, Heads

LONGEST_HEAD = 32_768
LET_OTHERS_ACCEPT = 1e-6
"""As short as the system can sleep."""
AT_ONCE = struct.pack("ii", 1, 0)
LEAST_TAKEN = 65_536
"""So many bytes of an answer a client has to take while it may take its time once; whoever takes less holds memory."""


class Connection(HttpToolsProtocol):
    """One client's connection; a request has to be there, head and body, within ``seconds``, an answer to be taken."""

    heads = Heads()
    seconds = 10.0
    is_shared = False
    """Whether other workers accept connections from the same socket."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if self.is_shared:
            # All are woken by a new connection, and the first would take whatever else has come with it.
            time.sleep(LET_OTHERS_ACCEPT)
        self._patience = Patience(self.loop, self._give_up)
        self._is_coming, self._head_bytes = False, 0
        self._untaken: asyncio.TimerHandle | None = None
        self._is_fed = False
        self._next: tuple[RequestResponseCycle, Any] | None = None
        self._is_between = True
        self._own_app = self.app.app if isinstance(self.app, ProxyHeadersMiddleware) else self.app

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a first request."""
        super().connection_made(transport)
        self._patience.wait(self.seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        self._patience.end()
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
        """Takes what came; a request that came whole, as most do, runs right away."""
        was_between = self._is_between
        is_free = self.cycle is None or self.cycle.response_complete
        if was_between and is_free and (known := self.heads.find(data)):
            self._answer(*known, data)
            return
        self._is_fed = True
        super().data_received(data)
        self._is_fed = False
        in_head = self._is_in_head()
        self._head_bytes = self._head_bytes + len(data) if in_head else 0
        was_coming, self._is_coming = self._is_coming, in_head or self._is_in_body()
        self._is_between = not in_head and self._has_come_whole()
        if not self._is_coming:
            if self.cycle is not None and not self.cycle.response_complete:
                self._patience.wait_no_longer()
        elif not was_coming:
            self._patience.wait(self.seconds)
        if self._next:
            (cycle, app), self._next = self._next, None
            if not self.transport.is_closing():  # As it is where something that is no HTTP came with it.
                if was_between and self._is_between and not self.pipeline:
                    self.heads.remember(data, cast("MutableMapping[str, Any]", cycle.scope), cycle.body)
                self._begin(cycle, app)
        if self._head_bytes > LONGEST_HEAD:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_response_complete(self) -> None:
        """Begins the next request that is there, or to wait for one; as uvicorn does, but for its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._is_coming = self._is_in_head() or self._is_in_body()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._is_coming and not self.cycle.more_body:  # What was answered has to come whole all the same.
            self._patience.wait(self.timeout_keep_alive)

    def _answer(self, head: Head, end: int, data: bytes) -> None:
        """Answers the request that ``data`` is, whose head is known and ends there; the parser is none the wiser."""
        scope: Any = {
            **head.scope,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "state": self.app_state.copy(),
        }
        self.cycle = cycle = WholeCycle(self, scope, data[end:])
        scope[WHOLE] = cycle
        self._patience.wait_no_longer()
        self._begin(cycle, self.app if head.is_forwarded else self._own_app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cast("MutableMapping[str, Any]", cycle.scope)[WHOLE] = Piece(cycle)
        if self._is_fed:  # Its body may be in the same data, and then there is nothing to wait for.
            self._next = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        if task := start(self.loop, cycle.run_asgi(app)):
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    def _is_in_head(self) -> bool:
        # uvicorn makes a scope where a request begins, and names the method in it where the head is there.
        return self.scope is not None and "method" not in self.scope

    def _is_in_body(self) -> bool:
        cycle = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_complete

    def _has_come_whole(self) -> bool:
        """Whether the parser has come to the end of a request after which another one may follow."""
        cycle: RequestResponseCycle | None = self.cycle
        parser: Any = self.parser
        return cycle is not None and not cycle.more_body and cycle.keep_alive and not parser.should_upgrade()

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
        if self._is_coming:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        self._patience.wait_no_longer()
        answered = self._is_in_body() and self.cycle.response_started
        if not answered and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self.transport.close()
