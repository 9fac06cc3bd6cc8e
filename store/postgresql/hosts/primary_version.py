"""The data version that the primary has now, which decides whether another answer is up to date.

Reading it takes the primary 20 µs. Operations that ask before the next statement is sent share its answer, so under
load there are far fewer statements than operations.
"""

import asyncio
import time

from store.errors import OutOfTime, Unavailable
from store.postgresql.pools import ConnectionPool

DATA_VERSION = "SELECT data_version FROM archive"
ASK_SECONDS = 2.0
"""A primary that doesn't answer within this time counts as gone."""


class PrimaryVersion:
    """The primary's data version, read on one connection of ``pool``."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._next: asyncio.Future[int] | None = None
        self._asking: asyncio.Task[None] | None = None

    async def current(self) -> str:
        """The version as text. Raises Unavailable."""
        return str(await self.asked())

    def asked(self) -> "asyncio.Future[int]":
        """A future of the version in a snapshot that is taken after this call.

        Its exception is Unavailable if the primary can't be asked. All callers before the next statement is sent share
        its answer; cancelling one of them doesn't cancel the others.
        """
        own = asyncio.shield(self._shared())
        own.add_done_callback(_ignore_unawaited)
        return own

    def _shared(self) -> "asyncio.Future[int]":
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            self._next.add_done_callback(_ignore_unawaited)
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask(), name="primary-version")
        return self._next

    async def stop(self) -> None:
        """Ends the reads that are still running."""
        if self._asking:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            while (waiting := self._next) is not None:
                self._next = None
                try:
                    ((version,),) = await self._pool.fetch(DATA_VERSION, (), time.monotonic() + ASK_SECONDS)
                except OutOfTime:
                    _fail(waiting, Unavailable(f"{self._pool.address} doesn't answer now. Try again."))
                except BaseException as error:
                    _fail(waiting, error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    if not waiting.done():
                        waiting.set_result(version)
        finally:
            self._asking = None


def _fail(waiting: "asyncio.Future[int]", error: BaseException) -> None:
    if not waiting.done():
        waiting.set_exception(error if isinstance(error, Exception) else Unavailable("The archive is closed."))


def _ignore_unawaited(asked: "asyncio.Future[int]") -> None:
    if not asked.cancelled():
        asked.exception()
