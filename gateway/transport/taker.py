"""How a client takes what is written to it: who writes waits for one that is slow, and one that stopped is let go."""

import asyncio
import socket
import struct

LEAST_TAKEN = 65_536
"""So many bytes a client has to take in the time that it has; one that takes less holds memory."""
AT_ONCE = struct.pack("ii", 1, 0)


class Taker:
    """The client at the other end of ``transport``, which has ``seconds`` to take some of what was written."""

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport, self._seconds = transport, seconds
        self._loop = asyncio.get_running_loop()
        self._drained: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.is_slow = False

    def pause(self) -> None:
        """The client takes less than is written: asyncio's pause_writing."""
        self.is_slow = True
        self._watch()

    def resume(self) -> None:
        """It has taken most of it, or is gone: asyncio's resume_writing."""
        self.is_slow = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._drained and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    async def drained(self) -> None:
        """Waits until it is slow no more."""
        while self.is_slow:
            self._drained = self._drained or self._loop.create_future()
            await asyncio.shield(self._drained)

    def let_go(self) -> None:
        """Closes the connection at once, with all that the process and the operating system hold for it."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._transport.abort()

    def _watch(self) -> None:
        left = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(self._seconds, self._look, left)

    def _look(self, left: int) -> None:
        if self._transport.get_write_buffer_size() > left - LEAST_TAKEN:
            self.let_go()
        else:
            self._watch()
