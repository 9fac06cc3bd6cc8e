"""What a connection lets the application do: see gateway/http/connection_control.py."""

from gateway.transport.write_deadline import WriteDeadline


class Control:
    """The flow control of a connection, and the cancellation of the request that it has now."""

    __slots__ = ("_write_deadline", "is_cancelled", "may_cancel")

    def __init__(self, write_deadline: WriteDeadline) -> None:
        self._write_deadline = write_deadline
        self.may_cancel = self.is_cancelled = False

    @property
    def is_paused(self) -> bool:
        """Whether the write buffer has to drain before more can be sent."""
        return self._write_deadline.is_paused

    async def drained(self) -> None:
        """Waits until the write buffer has drained."""
        await self._write_deadline.drained()

    def begin_stream(self) -> None:
        """Lets as little as possible wait in buffers from now on."""
        self._write_deadline.begin_stream()

    def allow_cancellation(self) -> None:
        """Lets the request's task be cancelled after the client has disconnected."""
        self.may_cancel = True
