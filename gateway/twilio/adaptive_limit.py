"""How many requests may be under way at once, learnt from Twilio's answers."""

import asyncio
from collections import deque


class Gate:
    """Lets ``most`` through at once at first, half as many after each 429, and slowly more again after answers.

    Twilio's limit on concurrent requests is unpublished (error 20429), so it is felt out.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self.width = float(most)
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        while self._under_way >= int(self.width):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._call_next()
                raise
        self._under_way += 1

    async def __aexit__(self, *_: object) -> None:
        self._under_way -= 1
        self._call_next()

    def widen(self) -> None:
        """An answer came: a little more may be under way."""
        if self.width < self._most:
            self.width = min(self._most, self.width + 1 / self.width)
            self._call_next()

    def narrow(self) -> None:
        """Twilio said that it is too much: half of it."""
        self.width = max(1.0, self.width / 2)

    def _call_next(self) -> None:
        free = int(self.width) - self._under_way
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
