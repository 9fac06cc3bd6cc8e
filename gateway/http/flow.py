"""Whether a connection can take more now: a stream reads a row only once its response can be sent."""

from typing import Protocol

from gateway.http.exchange import Scope

FLOW = "proxygraph.flow"
"""The key in a scope's ``state`` at which a server puts the Flow of its connection; others put none."""


class Flow(Protocol):
    """The flow control of one connection."""

    is_paused: bool
    """Whether what was sent has to be taken by the client before more can be sent."""

    async def drained(self) -> None:
        """Waits until the connection can take more, or has closed."""
        ...

    def begin_stream(self) -> None:
        """Lets as little as possible wait in buffers from now on, since a stream can be resumed."""
        ...


class _Unlimited:
    is_paused = False

    async def drained(self) -> None:
        """Nothing to wait for."""

    def begin_stream(self) -> None:
        """Nothing to limit."""


UNLIMITED: Flow = _Unlimited()


def flow_of(scope: Scope) -> Flow:
    """The connection's flow control; UNLIMITED under a server that shows none."""
    found: Flow = scope.get("state", {}).get(FLOW, UNLIMITED)
    return found
