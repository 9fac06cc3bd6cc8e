"""Write flow control with a deadline: writers wait for a slow client, and a stalled client's connection is aborted."""

import asyncio
import socket
import struct

LEAST_BYTES = 65_536
"""A client has to read so many bytes within the deadline, since unread ones take memory."""
UNACKNOWLEDGED = 3
"""How many times the deadline a stream's client may leave bytes unacknowledged (TCP_USER_TIMEOUT in tcp(7), Linux)."""
LINGER_ZERO = struct.pack("ii", 1, 0)


class WriteDeadline:
    """Aborts ``transport`` if its client reads too little of the write buffer for ``seconds``."""

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport, self._seconds = transport, seconds
        self._loop = asyncio.get_running_loop()
        self._drained: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.is_paused = False

    def begin_stream(self) -> None:
        """Pauses the writers from now on as soon as anything waits in the process.

        The operating system ends a connection whose client has acknowledged nothing for a while, since one that has
        vanished looks like one that is silent; what waits there for a client that doesn't read is dropped too.
        """
        self._transport.set_write_buffer_limits(high=0)
        connection = self._transport.get_extra_info("socket")
        if connection.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = int(self._seconds * UNACKNOWLEDGED * 1_000)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def pause(self) -> None:
        """The write buffer is full: asyncio calls pause_writing. Starts the timer."""
        self.is_paused = True
        self._watch()

    def resume(self) -> None:
        """The write buffer has drained, or the connection is lost. Cancels the timer and wakes the writers."""
        self.is_paused = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._drained and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    async def drained(self) -> None:
        """Waits until the write buffer has drained."""
        while self.is_paused:
            self._drained = self._drained or self._loop.create_future()
            await asyncio.shield(self._drained)

    def abort(self) -> None:
        """Closes the connection at once and drops its unsent data, in the process and in the operating system."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._transport.abort()

    def _watch(self) -> None:
        left = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(self._seconds, self._look, left)

    def _look(self, left: int) -> None:
        if self._transport.get_write_buffer_size() > left - LEAST_BYTES:
            self.abort()
        else:
            self._watch()
