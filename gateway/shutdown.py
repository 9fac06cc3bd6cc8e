"""Draining: a graceful shutdown that loses no request.

While a server drains it still answers requests, but /readyz answers 503, so that a load balancer sends it no new ones,
and each answer closes its connection, so that no connection is cut while a client sends its next request.
Subscriptions end when it begins, so that their clients connect again, to another server.
"""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType


class Draining:
    """Whether this process drains."""

    def __init__(self) -> None:
        self.begun = False
        self.calls: list[Callable[[], None]] = []

    def when_begun(self, call: Callable[[], None]) -> None:
        """Calls ``call`` on the event loop when this process begins to drain."""
        self.calls.append(call)

    def forget(self, call: Callable[[], None]) -> None:
        """Undoes ``when_begun``."""
        self.calls.remove(call)

    def before_stopping(self, seconds: float) -> None:
        """Delays the current handler of SIGTERM by ``seconds`` of draining; a second SIGTERM calls it at once.

        SIGINT, as from Ctrl-C in a terminal, still stops at once.
        """
        loop, stop = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            return

        def begin(number: int, frame: FrameType | None) -> None:
            if self.begun:
                stop(number, frame)
                return
            self.begun = True
            for call in self.calls:
                loop.call_soon_threadsafe(call)
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, None)

        signal.signal(signal.SIGTERM, begin)


DRAINING = Draining()
"""The state of this process."""
