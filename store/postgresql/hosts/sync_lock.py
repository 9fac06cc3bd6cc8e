"""The lock that lets only one process sync an archive at a time: an advisory lock on the primary.

It belongs to a transaction on a connection of its own, so PostgreSQL frees it when the process dies: at once, or, if
its machine is cut off, after the TCP time-outs that are set for it. A sync that loses the connection is cancelled, and
its later writes are refused: see store/sync/runs.py, ``demand_latest``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from store.engine.database import Address
from store.errors import DatabaseError, SyncAlreadyRunning, SyncSuperseded, Unavailable
from store.postgresql.connections import CLOSING_SECONDS, KEEPALIVES, RawConnection, close, connect
from store.postgresql.explanations import FAILURES

SYNC_LOCK = 0x50785379
"""The key of the advisory lock of the process that syncs: ASCII ``PxSy``. Each database has its own locks."""
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
"""In a transaction, so that PgBouncer's transaction mode keeps the connection."""
TRY = f"SELECT pg_try_advisory_xact_lock({SYNC_LOCK})"
CHECK = "SELECT 1"
"""Sent as a text, by ``execute``: this also ends the snapshot of TRY, which would keep deleted rows from VACUUM."""
SETTINGS = KEEPALIVES | {"idle_in_transaction_session_timeout": "0"}
CHECK_SECONDS = 1.0


@asynccontextmanager
async def sync_lock(address: Address) -> AsyncIterator[None]:
    """Holds the sync lock of this database.

    Raises SyncAlreadyRunning if another process holds it, Unavailable if the primary can't be reached. If the
    connection is lost meanwhile, the block is cancelled, and SyncSuperseded raised.
    """
    try:
        raw = await connect(address, SETTINGS)
    except DatabaseError as error:
        raise Unavailable(str(error)) from error
    try:
        try:
            await raw.execute(BEGIN, timeout=CHECK_SECONDS * 5)
            is_held: bool = await raw.fetchval(TRY, timeout=CHECK_SECONDS * 5)
            await raw.execute(CHECK, timeout=CHECK_SECONDS * 5)
        except FAILURES as error:
            raise Unavailable(f"{address} can't be reached now. Try again.") from error
        if not is_held:
            raise SyncAlreadyRunning(f"A sync of {address} is running already; let it finish, or stop it first.")
        async with _cancelled_if_lost(raw, address):
            yield
    finally:
        await _release(raw)


async def _release(raw: RawConnection) -> None:
    """Ends the transaction before the connection, so that the lock is free afterwards, also through a pool.

    PgBouncer would end the server's connection of a client that left in a transaction, but at some later moment.
    """
    try:
        with suppress(*FAILURES):
            await raw.execute("ROLLBACK", timeout=CLOSING_SECONDS)
    finally:
        await close(raw)


@asynccontextmanager
async def _cancelled_if_lost(raw: RawConnection, address: Address) -> AsyncIterator[None]:
    body = asyncio.current_task()
    watching = asyncio.create_task(_until_lost(raw), name="sync-lock")
    is_lost = False

    def cancel(task: "asyncio.Task[None]") -> None:
        nonlocal is_lost
        if not task.cancelled() and body:
            is_lost = True
            body.cancel()

    watching.add_done_callback(cancel)
    try:
        yield
    except asyncio.CancelledError as error:
        if is_lost and body and body.uncancel() == 0:
            raise SyncSuperseded(f"The sync lost its connection to {address}, and with it its lock.") from error
        raise
    finally:
        watching.remove_done_callback(cancel)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(watching, return_exceptions=True)


async def _until_lost(raw: RawConnection) -> None:
    """Returns when the connection is lost, or doesn't answer."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            await raw.execute(CHECK, timeout=CHECK_SECONDS * 3)
        except FAILURES:
            return
