"""Waits until older transactions have ended, since their snapshots may still see rows that were deleted."""

import asyncio
import time

from asyncpg import Connection

OPEN = """
SELECT DISTINCT virtualtransaction FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'virtualxid' AND datname = current_database() AND pid <> pg_backend_pid()
  AND coalesce(backend_type, 'client backend') = 'client backend'
"""
STILL_OPEN = """
SELECT EXISTS (
  SELECT 1 FROM pg_locks AS open WHERE locktype = 'virtualxid' AND virtualtransaction = ANY($1::text[])
    AND ($2 OR NOT EXISTS (SELECT 1 FROM pg_locks WHERE pid = open.pid AND locktype = 'advisory' AND NOT granted))
)
"""
SECONDS_BETWEEN_LOOKS = 0.01


async def open_transactions(connection: Connection) -> list[str]:
    """The transactions that are open in the database now, except this connection's."""
    return [row[0] for row in await connection.fetch(OPEN)]


async def have_ended(
    connection: Connection, transactions: list[str], seconds: float, also_waiting: bool = False
) -> bool:
    """Waits until all of these have ended; False if ``seconds`` pass before.

    A writer that waits for its turn counts only if ``also_waiting``: it reads nothing before it has the lock, and then
    it reads anew. But while it waits it has a snapshot, for which VACUUM keeps deleted rows.
    """
    until = time.monotonic() + seconds
    while transactions and await connection.fetchval(STILL_OPEN, transactions, also_waiting):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return True
