"""Stopping without losing a request: first readiness is taken back, then connections, then the process ends.

While it drains, a server answers as ever, but says that it is not ready, so that whoever spreads the load sends it
nothing new, and closes each connection with its next answer, so that none is cut off while it waits for one.
"""

import asyncio
import signal
from types import FrameType


class Draining:
    """Whether this process is about to stop."""

    def __init__(self) -> None:
        self.begun = False

    def before_stopping(self, seconds: float) -> None:
        """Puts ``seconds`` of draining between SIGTERM and what it does now; a second SIGTERM does that at once.

        SIGINT, which a person sends from a terminal, stops at once as ever.
        """
        loop, stop = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            return

        def begin(number: int, frame: FrameType | None) -> None:
            if self.begun:
                stop(number, frame)
                return
            self.begun = True
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, None)

        signal.signal(signal.SIGTERM, begin)


DRAINING = Draining()
"""This process's own."""
