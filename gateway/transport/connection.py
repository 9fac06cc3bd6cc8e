"""A client's connection: uvicorn's ``http=`` setting takes this asyncio.Protocol in place of its own.

uvicorn's own protocol has no bound on how long a request may take to come or an answer to be taken (Slowloris), on a
head's or its trailers' size, and none of its public parts allow for one. Here one request at a time is parsed, and what
comes behind it waits until it is answered, so answers and refusals come in the order of the requests. A request that
came whole runs at once, and becomes a task only where it waits for something.
"""

import asyncio
import socket
from typing import Any, cast

import uvicorn
from uvicorn.server import ServerState

from gateway.http.tasks import start_eagerly
from gateway.transport.cycle import App, Cycle
from gateway.transport.deadline import Deadline
from gateway.transport.parser import Parser
from gateway.transport.refusals import TIMEOUT, Refused
from gateway.transport.taker import Taker

HELD_BYTES = 65_536
"""More of the requests behind the one that is being answered is not read."""
LINGERING_SECONDS = 2.0
"""So long what a client still sends is read and dropped, for the system would drop a refusal that it has not read."""
PROBE_SECONDS = 0.5
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
ASGI = {"version": "3.0", "spec_version": "2.3"}


class Connection(asyncio.Protocol):
    """One client's connection; a request has to be there, head and body, within ``seconds``, an answer to be taken."""

    seconds = 10.0
    _dated: object = None
    _date = b""

    def __init__(
        self, config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any], **_: object
    ) -> None:
        """Uvicorn's server calls it, once for each connection."""
        if not config.loaded:
            config.load()
        self._app = cast("App", config.loaded_app)
        self._idle_seconds = config.timeout_keep_alive
        self._state, self._app_state = server_state, app_state
        self._loop = asyncio.get_running_loop()
        self._deadline = Deadline(self._loop, self._expired)
        self._parser = Parser()
        self._cycle: Cycle | None = None
        self._held, self._at = b"", 0
        self._is_coming = self._has_ended = self._is_over = self._is_read_paused = False
        self._probe: asyncio.TimerHandle | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to wait for a first request."""
        self._transport = cast("asyncio.Transport", transport)
        self.taker = Taker(self._transport, self.seconds)
        self._server, self._client = _address(self._transport, "sockname"), _address(self._transport, "peername")
        self._state.connections.add(self)  # type: ignore[arg-type]  # It names its own protocols only.
        self._deadline.set(self.seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets the application know."""
        self._state.connections.discard(self)
        self._is_over = True
        self._deadline.cancel()
        self.taker.resume()
        if self._probe:
            self._probe.cancel()
        if self._cycle:
            self._cycle.disconnect()

    def data_received(self, data: bytes) -> None:
        """Takes what came."""
        if self._is_over:
            return
        self._held, self._at = (self._held[self._at :] + data if self._at < len(self._held) else data), 0
        self._advance()

    def eof_received(self) -> bool:
        """The client sends no more; returns whether it is owed an answer, which it may still wait for."""
        self._has_ended = True
        is_owed = self._cycle.is_whole if self._cycle else self._at < len(self._held)
        if self._is_over or not is_owed:
            return False
        self._probe = self._loop.call_later(PROBE_SECONDS, self._look_for_client)
        return True

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it comes."""
        self.taker.pause()

    def resume_writing(self) -> None:
        """The client has taken most of its answer."""
        self.taker.resume()

    # What uvicorn's server calls.

    def shutdown(self) -> None:
        """Closes the connection, after the answer that is under way."""
        if self._cycle is None or self._cycle.is_answered:
            self.close()
        else:
            self._cycle.keeps_alive = False

    # What a cycle calls.

    def default_headers(self) -> bytes:
        """The lines of uvicorn's own headers, such as Date, which are others every second."""
        headers = self._state.default_headers
        if headers is not self._dated:
            Connection._dated, Connection._date = headers, b"".join([b"%b: %b\r\n" % pair for pair in headers])
        return self._date

    def write(self, data: bytes) -> None:
        """Sends this to the client."""
        self._transport.write(data)

    def read_on(self) -> None:
        """Reads more of the request's body."""
        if self._is_read_paused:
            self._is_read_paused = False
            self._transport.resume_reading()

    def answered(self) -> None:
        """Goes on after a whole answer: with the next request, if it is there."""
        self._state.total_requests += 1
        cycle = cast("Cycle", self._cycle)
        if not cycle.keeps_alive:
            if cycle.is_whole and self._at >= len(self._held):
                self.close()
            else:
                self._linger()
        elif not cycle.is_whole:  # The rest of its body is read all the same, and dropped.
            self.read_on()
        else:
            self._end_cycle()
            if self._at < len(self._held):
                self._loop.call_soon(self._advance)  # Others come first: there may be hundreds.

    def close(self) -> None:
        """Closes the connection once the client has taken what was written, within the time of a request."""
        self._is_over = True
        self._transport.close()
        self._deadline.set(self.seconds)

    def _advance(self) -> None:
        """Parses what has come up to the end of a request, and begins it; the rest waits until it is answered."""
        try:
            self._parse()
        except Refused as refusal:
            self._refuse(refusal)
        if self._is_over:
            return
        if self._at >= len(self._held):
            self._held, self._at = b"", 0
        self._await_request()
        if self._has_ended and self._is_coming:
            self.close()
            return
        if self._cycle and not self._cycle.is_begun:
            self._begin(self._cycle)
        self._hold_back()

    def _parse(self) -> None:
        parser = self._parser
        while self._at < len(self._held) and not (self._cycle and self._cycle.is_whole):
            self._at = parser.feed(self._held, self._at)
            if self._cycle is None and not parser.is_in_head:
                self._cycle = self._new_cycle()
            if self._cycle and (parser.body or parser.is_whole):
                self._cycle.add(parser.take_body(), parser.is_whole)
                if self._cycle.is_whole and self._cycle.is_answered:
                    self._end_cycle()

    def _await_request(self) -> None:
        """Sets the deadline where a request begins to come, and clears it where it is there."""
        cycle, was_coming = self._cycle, self._is_coming
        self._is_coming = not cycle.is_whole if cycle else not self._parser.is_between
        if self._is_coming and not was_coming:
            self._deadline.set(self.seconds)
        elif cycle and cycle.is_whole:
            self._deadline.clear()

    def _new_cycle(self) -> Cycle:
        parser = self._parser
        scope = parser.scope()
        scope.update(
            type="http",
            asgi=ASGI,
            scheme="http",
            root_path="",
            server=self._server,
            client=self._client,
            state=self._app_state.copy(),
        )
        return Cycle(self, scope, parser.keeps_alive, parser.expects_continue)

    def _begin(self, cycle: Cycle) -> None:
        cycle.is_begun = True
        if task := start_eagerly(self._loop, cycle.run(self._app)):
            task.add_done_callback(self._state.tasks.discard)
            self._state.tasks.add(task)

    def _end_cycle(self) -> None:
        self._cycle = None
        if self._has_ended and self._at >= len(self._held):
            self.close()
        else:
            self._deadline.set(self._idle_seconds)

    def _hold_back(self) -> None:
        """Reads no further while more has come than can be taken."""
        too_much = self._cycle is not None and (self._cycle.is_full or len(self._held) - self._at > HELD_BYTES)
        if not too_much:
            self.read_on()
        elif not self._is_read_paused:
            self._is_read_paused = True
            self._transport.pause_reading()

    def _refuse(self, refusal: Refused) -> None:
        """Answers what is no request; all requests before it were answered, for they are parsed one at a time."""
        cycle = self._cycle
        if cycle:
            cycle.disconnect()
        if cycle is None or not cycle.is_started:
            self.write(refusal.response())
        self._linger()

    def _linger(self) -> None:
        """Closes for writing, and reads and drops what still comes: closing at once would lose what was written.

        RFC 9112 §9.6.
        """
        self._is_over, self._held, self._at = True, b"", 0
        if self._has_ended or self._transport.is_closing():
            self.close()
        else:
            self._transport.write_eof()
            self.read_on()
            self._deadline.set(LINGERING_SECONDS)

    def _expired(self) -> None:
        if self._transport.is_closing():
            self.taker.let_go()
        elif self._is_coming and not self._is_over:
            self._refuse(Refused(TIMEOUT, f"Expected a whole request within {self.seconds:g} seconds"))
        else:
            self.close()

    def _look_for_client(self) -> None:
        """Finds out whether a client that sends no more still waits for its answer.

        One that closed looks the same until something is sent to it, which its system then refuses. An interim response
        is what every client of HTTP/1.1 has to pass over (RFC 9110 §15.2).
        """
        cycle = self._cycle
        if self._transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.taker.let_go()
            return
        if cycle and not cycle.is_started and cycle.scope["http_version"] == "1.1":
            self.write(PROCESSING)
        self._probe = self._loop.call_later(PROBE_SECONDS, self._look_for_client)


def _address(transport: asyncio.Transport, name: str) -> tuple[str, int] | None:
    address = transport.get_extra_info(name)
    return (str(address[0]), int(address[1])) if isinstance(address, tuple) else None
