"""Rewrites a table, so that its files have no byte of rows that were deleted before.

A deleted row stays in its page, in the pages that it was in before an update moved it, and in the space that VACUUM
made free there; only new files have none of it. A small table is rewritten by VACUUM FULL, which keeps readers out for
some tenths of a second. A large one would be closed for as long as its indexes take (45 seconds for a million
interactions), so it is replaced by a copy (table_copy.py).
"""

import asyncio
import time

from asyncpg import Connection, LockNotAvailableError

from store.postgresql.purging.definitions import dependents
from store.postgresql.purging.table_copy import LOCK_MS, WAIT_SECONDS, Locked, TableCopy, Unfinished
from store.postgresql.purging.transactions import have_ended, open_transactions

SMALL_BYTES = 16_000_000
"""The size, with indexes, up to which a table is rewritten by VACUUM FULL."""
PAUSE_SECONDS = 0.1

SIZE = "SELECT pg_total_relation_size($1::regclass)"
NEXT_XID = "SELECT pg_current_xact_id()::text::bigint"
KEPT_FROM = "SELECT relfrozenxid::text::bigint FROM pg_class WHERE oid = $1::regclass"
XIDS = 2**32

OLDER_SNAPSHOT = (
    "A transaction from before the erasure is still open in the database or on a standby, so PostgreSQL keeps the "
    "erased rows for it. They are purged after it ends."
)


async def next_transaction(connection: Connection) -> int:
    """The number of a new transaction: all that have committed have lower ones."""
    return int(await connection.fetchval(NEXT_XID))


async def rewrite(connection: Connection, table: str, locked: Locked, small_bytes: int = SMALL_BYTES) -> int:
    """Rewrites ``table``, and returns the number of a transaction. ``connection`` must be outside of a transaction.

    Afterwards no file of the table, its indexes and its TOAST table has a row that was deleted by a transaction with a
    lower number. Raises Unfinished, or an asyncpg.PostgresError.
    """
    current = await next_transaction(connection)
    copy = TableCopy(connection, table, locked)
    await copy.drop_leftovers()
    size = await connection.fetchval(SIZE, table)
    if size <= small_bytes or await dependents(connection, table):
        return await _vacuum_full(connection, table, current)
    await copy.run()
    return current


async def _vacuum_full(connection: Connection, table: str, current: int) -> int:
    if not await have_ended(connection, await open_transactions(connection), WAIT_SECONDS, also_waiting=True):
        raise Unfinished(OLDER_SNAPSHOT)
    until = time.monotonic() + WAIT_SECONDS
    while True:
        await connection.execute(f"SET lock_timeout = {LOCK_MS}")
        try:
            await connection.execute(f"VACUUM (FULL, ANALYZE) {table}")
            break
        except LockNotAvailableError as error:
            if time.monotonic() > until:
                raise Unfinished(f"The table {table} is being read all the time, so it can't be rewritten.") from error
        finally:
            await connection.execute("RESET lock_timeout")
        await asyncio.sleep(PAUSE_SECONDS)
    # It keeps rows that any snapshot may see, also those of standbys and of replication slots. The table's new
    # relfrozenxid is the first transaction whose deleted rows it has kept.
    # A standby with hot_standby_feedback reports only every ten seconds what its snapshots need, so this can be older.
    behind = (current - await connection.fetchval(KEPT_FROM, table)) % XIDS
    return current - behind if behind < XIDS // 2 else current
