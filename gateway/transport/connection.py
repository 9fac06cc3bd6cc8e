"""A client's HTTP/1.1 connection: an asyncio.Protocol for uvicorn's ``http=`` setting, with timeouts and size limits.

uvicorn's own protocol has no read or write timeouts (Slowloris) and no limits on heads or trailers, and no public way
to add them. Here one request at a time is parsed, and pipelined requests wait until it is answered, so responses and
refusals keep the order of the requests. The application starts at once, and becomes a task only if it has to wait.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from uvicorn.server import ServerState

from gateway.http.tasks import start_eagerly
from gateway.transport.control import Control
from gateway.transport.deadline import Deadline
from gateway.transport.parser import Parser
from gateway.transport.refusals import TIMEOUT, Refused
from gateway.transport.request_cycle import App, RequestCycle
from gateway.transport.scopes import common_scope
from gateway.transport.websocket import WebSocketConnection, with_extensions
from gateway.transport.write_deadline import WriteDeadline

MOST_BUFFERED = 65_536
"""Reading pauses while more bytes of pipelined requests than this are buffered."""
DISCARDING_SECONDS = 2.0
"""How long input is read and dropped after a refusal: closing with unread input would lose the refusal."""
PROBE_SECONDS = 0.5
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"


class Connection(asyncio.Protocol):
    """A connection of uvicorn's server; ``seconds`` is the timeout for a whole request, and for reading a response."""

    seconds = 10.0
    _default_headers: object = None
    _encoded_headers = b""

    def __init__(
        self, config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any], **_: object
    ) -> None:
        if not config.loaded:
            config.load()
        self._app = cast("App", config.loaded_app)
        self._config, self._websockets = config, config.ws_protocol_class
        self._idle_seconds = config.timeout_keep_alive
        self._state, self._app_state = server_state, app_state
        self._loop = asyncio.get_running_loop()
        self._deadline = Deadline(self._loop, self._expired)
        self._parser = Parser()
        self._cycle: RequestCycle | None = None
        self._buffer, self._position = b"", 0
        self._is_receiving = self._has_ended = self._is_ending = self._is_read_paused = False
        self._probe: asyncio.TimerHandle | None = None

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Registers the connection and sets the deadline of the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self.write_deadline = WriteDeadline(self._transport, self.seconds)
        self.control = Control(self.write_deadline)
        self._common_scope = common_scope(self._transport, self.control)
        self._state.connections.add(self)  # type: ignore[arg-type]  # Typed for its own protocols only.
        self._deadline.set(self.seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the timers and disconnects the request cycle."""
        self._state.connections.discard(self)
        self._is_ending = True
        self._deadline.cancel()
        self.write_deadline.resume()
        if self._probe:
            self._probe.cancel()
        if self._cycle:
            self._cycle.disconnect()

    def data_received(self, data: bytes) -> None:
        """Buffers and parses the input."""
        if self._is_ending:
            return
        rest = self._buffer[self._position :]
        self._buffer, self._position = rest + data if rest else data, 0
        self._start_next_request()

    def eof_received(self) -> bool:
        """The client closed its side; returns True to keep the connection open for a response that is due."""
        self._has_ended = True
        cycle = self._cycle
        is_owed = cycle.is_whole and not cycle.is_started if cycle else self._position < len(self._buffer)
        if self._is_ending or not is_owed:
            return False
        self._probe = self._loop.call_later(PROBE_SECONDS, self._probe_client)
        return True

    def pause_writing(self) -> None:
        """Pauses the writers and starts the write deadline."""
        self.write_deadline.pause()

    def resume_writing(self) -> None:
        """Clears the write deadline and resumes the writers."""
        self.write_deadline.resume()

    # Called by uvicorn's server.

    def shutdown(self) -> None:
        """Closes the connection in two turns of the loop, between which it reads, and answers what has come in time."""
        self._loop.call_soon(self._loop.call_soon, self._shut_down)

    def _shut_down(self) -> None:
        """Closes after the current response if there is one; ends a response that streams."""
        if self._is_ending:
            return
        if self._cycle is None or self._cycle.is_answered:
            self.close()
        elif self._cycle.is_started:
            self._cycle.disconnect()
            self.close()
        else:
            self._cycle.keeps_alive = False

    # Called by a request cycle.

    def default_headers(self) -> bytes:
        """Uvicorn's default headers, such as Date, encoded; they change every second."""
        headers = self._state.default_headers
        if headers is not self._default_headers:
            Connection._encoded_headers = b"".join([b"%b: %b\r\n" % pair for pair in headers])
            Connection._default_headers = headers
        return self._encoded_headers

    def write(self, data: bytes) -> None:
        """Writes to the client."""
        self._transport.write(data)

    def read_on(self) -> None:
        """Resumes reading if it is paused."""
        if self._is_read_paused:
            self._is_read_paused = False
            self._transport.resume_reading()

    def answered(self) -> None:
        """Goes on after a whole response: parses the next request, or closes."""
        self._state.total_requests += 1
        cycle = cast("RequestCycle", self._cycle)
        if not cycle.keeps_alive:
            if cycle.is_whole and self._position >= len(self._buffer):
                self.close()
            else:
                self._discard_input_and_close()
        elif not cycle.is_whole:  # The rest of its body is still read, and dropped.
            self.read_on()
        else:
            self._end_cycle()
            if self._position < len(self._buffer):
                self._loop.call_soon(self._start_next_request)  # Lets other connections run first.

    def close(self) -> None:
        """Closes the connection when the write buffer is sent; aborts it after ``seconds``."""
        self._is_ending = True
        self._transport.close()
        self._deadline.set(self.seconds)

    def _start_next_request(self) -> None:
        """Parses the input up to the end of a request and starts it; the rest waits until it is answered."""
        try:
            self._parse()
        except Refused as refusal:
            self._refuse(refusal)
        if self._is_ending:
            return
        if self._position >= len(self._buffer):
            self._buffer, self._position = b"", 0
        self._await_request()
        if self._has_ended and self._is_receiving:
            self.close()
            return
        if self._cycle and not self._cycle.is_begun:
            self._begin(self._cycle)
        self._pause_reading_if_full()

    def _parse(self) -> None:
        parser = self._parser
        while self._position < len(self._buffer) and not (self._cycle and self._cycle.is_whole):
            self._position = parser.feed(self._buffer, self._position)
            if self._cycle is None and not parser.is_in_head:
                if self._websockets and parser.is_websocket:
                    self._upgrade(self._websockets)
                    return
                self._cycle = self._new_cycle()
            if self._cycle and (parser.body or parser.is_whole):
                self._cycle.add(parser.take_body(), parser.is_whole)
                if self._cycle.is_whole and self._cycle.is_answered:
                    self._end_cycle()

    def _upgrade(self, protocol: Callable[..., asyncio.Protocol]) -> None:
        """Hands the connection over to uvicorn's WebSocket protocol, with all that was received of it."""
        self._is_ending = True
        self._deadline.cancel()
        self._state.connections.discard(self)
        self.read_on()
        config = with_extensions(self._config, self._common_scope["extensions"])
        websocket = protocol(config=config, server_state=self._state, app_state=self._app_state)
        received = self._parser.head() + self._buffer[self._position :]
        WebSocketConnection(websocket, self.write_deadline).take_over(self._transport, received)

    def _await_request(self) -> None:
        """Sets the deadline when a request begins to arrive, and clears it when it is whole."""
        cycle, was_coming = self._cycle, self._is_receiving
        self._is_receiving = not cycle.is_whole if cycle else not self._parser.is_between
        if self._is_receiving and not was_coming:
            self._deadline.set(self.seconds)
        elif cycle and cycle.is_whole:
            self._deadline.clear()

    def _new_cycle(self) -> RequestCycle:
        parser = self._parser
        scope = parser.scope()
        scope.update(self._common_scope)
        scope["state"] = self._app_state.copy()
        self.control.may_cancel = False
        return RequestCycle(self, scope, parser.keeps_alive, parser.expects_continue)

    def _begin(self, cycle: RequestCycle) -> None:
        cycle.is_begun = True
        if task := start_eagerly(self._loop, cycle.run(self._app)):
            task.add_done_callback(self._state.tasks.discard)
            self._state.tasks.add(task)
            cycle.task = task

    def _end_cycle(self) -> None:
        self._cycle = None
        if self._has_ended and self._position >= len(self._buffer):
            self.close()
        else:
            self._deadline.set(self._idle_seconds)

    def _pause_reading_if_full(self) -> None:
        """Pauses reading while a buffer is full, and otherwise resumes it."""
        buffered = len(self._buffer) - self._position
        too_much = self._cycle is not None and (self._cycle.is_full or buffered > MOST_BUFFERED)
        if not too_much:
            self.read_on()
        elif not self._is_read_paused:
            self._is_read_paused = True
            self._transport.pause_reading()

    def _refuse(self, refusal: Refused) -> None:
        """Refuses an invalid request. All requests before it were answered, since one at a time is parsed."""
        cycle = self._cycle
        if cycle:
            cycle.disconnect()
        if cycle is None or not cycle.is_started:
            self.write(refusal.response(self._parser.method))
        self._discard_input_and_close()

    def _discard_input_and_close(self) -> None:
        """Closes the writing side, and then drops input for a while: the client gets the response (RFC 9112 §9.6)."""
        self._is_ending, self._buffer, self._position = True, b"", 0
        if self._has_ended or self._transport.is_closing():
            self.close()
        else:
            self._transport.write_eof()
            self.read_on()
            self._deadline.set(DISCARDING_SECONDS)

    def _expired(self) -> None:
        if self._transport.is_closing():
            self.write_deadline.abort()
        elif self._is_receiving and not self._is_ending:
            self._refuse(Refused(TIMEOUT, f"Expected a whole request within {self.seconds:g} seconds"))
        else:
            self.close()

    def _probe_client(self) -> None:
        """Probes whether a client that closed its sending side still waits for its response.

        A client that has gone looks the same until data is sent to it, which its system then resets. The probe is an
        interim response, which every HTTP/1.1 client has to ignore (RFC 9110 §15.2).
        """
        cycle = self._cycle
        is_streaming = cycle is not None and cycle.is_started and not cycle.is_answered
        if is_streaming or self._transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.write_deadline.abort()
            return
        if cycle and not cycle.is_started and cycle.scope["http_version"] == "1.1":
            self.write(PROCESSING)
        self._probe = self._loop.call_later(PROBE_SECONDS, self._probe_client)
