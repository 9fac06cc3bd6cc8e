"""Notices commits on PostgreSQL, by LISTEN and NOTIFY on the primary; it also polls, in case notifications are lost.

Triggers notify of each transaction that changes an answer or the sync's state
(store/postgresql/migrations/0017_archive.sql). Notifications are only hints: standbys refuse LISTEN, so the state is
also read every POLL_SECONDS, on the same connection. A process listens only while somebody waits, and some seconds
longer.

Through a connection pool such as PgBouncer it only polls. LISTEN is a state of the server's session, which a pool
gives to the next client: in transaction mode it would stay there, and in session mode a notification during the pool's
reset makes PgBouncer give the next client a reply that isn't its own.
"""

import asyncio
from math import inf
from typing import Any

from store.engine.database import Address
from store.errors import DatabaseError
from store.postgresql.connections import RawConnection, close, connect, is_direct
from store.postgresql.explanations import FAILURES

CHANNEL = "proxygraph"
STATE = """
SELECT data_version, (SELECT max(number) FROM change), (SELECT max(alive_at) FROM sync_run),
  (SELECT count(*) FROM sync_run WHERE finished_at IS NOT NULL)
FROM archive
""".strip()
SETTINGS = {"idle_session_timeout": "0"}
POLL_SECONDS = 0.25
ANSWER_SECONDS = 2.0
RETRY_SECONDS = 0.25
IDLE_SECONDS = 10.0
"""Seconds for which it keeps listening when nobody waits."""


class NotifiedCommits:
    """The commits to one database, for any number of waiters."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._count = 0
        self._changed = asyncio.Event()
        self._waiting = 0
        self._idle_since = -inf
        self._listening: asyncio.Task[None] | None = None
        self._is_stopped = False

    def count(self) -> int:
        """The count now. It also changes whenever the connection was opened, since commits may have been missed."""
        return self._count

    async def after(self, count: int) -> int:
        """Waits until the count differs from ``count``, and returns it. After ``stop`` it never returns."""
        self._waiting += 1
        try:
            if not self._is_stopped and (self._listening is None or self._listening.done()):
                self._listening = asyncio.create_task(self._listen(), name="commits")
            while self._count == count or self._is_stopped:
                await self._changed.wait()
        finally:
            self._waiting -= 1
            self._idle_since = asyncio.get_running_loop().time()
        return self._count

    async def stop(self) -> None:
        """Stops listening, since the archive is about to be closed."""
        self._is_stopped = True
        self._changed = asyncio.Event()  # Nothing sets it again, so waiters wait until they are cancelled.
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    def _bump(self, *_: Any) -> None:
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def _listen(self) -> None:
        """Listens, on a new connection whenever one was lost, until nobody has waited for some time."""
        while self._is_wanted():
            try:
                raw = await connect(self._address, SETTINGS)
            except DatabaseError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                if await is_direct(raw):
                    await raw.add_listener(CHANNEL, self._bump)
                self._bump()
                await self._poll(raw)
            except FAILURES:
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                await close(raw)

    async def _poll(self, raw: RawConnection) -> None:
        state = None
        while self._is_wanted():
            before, state = state, tuple(await raw.fetchrow(STATE, timeout=ANSWER_SECONDS) or ())
            if before is not None and state != before:
                self._bump()
            await asyncio.sleep(POLL_SECONDS)

    def _is_wanted(self) -> bool:
        return bool(self._waiting) or asyncio.get_running_loop().time() < self._idle_since + IDLE_SECONDS
