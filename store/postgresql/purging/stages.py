"""The stages of an erasure on PostgreSQL, after the row is deleted: purged from the tables, then out of the log.

Each stage is stored in the ledger when it is reached, so after a crash of the server, or of PostgreSQL, the next server
continues. One server in the cluster does it at a time.

1. The tables are rewritten (rewriting.py). The ledger's entries get the position of the log at which that was done.
2. Every known standby has replayed the log up to this position: the entries are *purged*.
3. The log of the primary and of the known standbys is past it (wal.py): the entries are *closed*.

The known standbys are the replicas and the other hosts of the URL. Log that a standby may still have to fetch is not
removed: without a replication slot it would never come back.

Rewriting costs the same for one row as for thousands. So erasures are gathered until none came for some seconds, and
at least nineteen twentieths of the time nothing is rewritten.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import asyncpg

from store.engine.database import Address
from store.errors import StoreError
from store.postgresql.connections import KEEPALIVES, RawConnection, close, connect
from store.postgresql.migrations import WRITE_LOCK
from store.postgresql.purging import wal
from store.postgresql.purging.pooled_sessions import POOLED, is_pooled
from store.postgresql.purging.rewriting import OLDER_SNAPSHOT, SMALL_BYTES, next_transaction, rewrite
from store.postgresql.purging.table_copy import Unfinished
from store.postgresql.purging.waits import await_fetched, await_received, await_replay, await_replayed
from store.postgresql.several_hosts import hosts_of
from store.twilio_mapping import now

PURGE_LOCK = 0x50785970
"""The key of the advisory lock of the server that purges: ASCII ``PxYp``."""
SETTINGS = KEEPALIVES | {
    "statement_timeout": "0",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "0",
    "maintenance_work_mem": "128MB",
    "max_parallel_maintenance_workers": "0",
}
"""Indexes are made on one processor, so that readers keep the others."""
QUIET_SECONDS = 2.0
LONGEST_GATHERING_SECONDS = 60.0
PAUSE_FACTOR = 20
"""After a rewriting comes a pause of this many times its duration."""
LONGEST_PAUSE_SECONDS = 300.0
PURGE_LOCK_SECONDS = 10.0
SECONDS_BETWEEN_TRIES = 0.1

TABLES_BY_PREFIX = {
    "KI": ("interaction",),
    "KP": ("participant",),
    "KC": ("interaction", "participant", "session"),
}
"""The tables that have content of what is erased, by the prefix of its SID."""

ANY_OPEN = "SELECT EXISTS (SELECT 1 FROM deletion WHERE closed_at IS NULL AND erased_at IS NOT NULL)"
IN_LOG = "log_position <= pg_current_wal_lsn() - '0/0'::pg_lsn"
"""A position ahead of the log is that of another server, from which the archive was brought here by pg_dump."""
NOT_REWRITTEN = f"erased_at IS NOT NULL AND closed_at IS NULL AND ({IN_LOG}) IS NOT TRUE"
ERASED = f"SELECT sid, erased_at FROM deletion WHERE {NOT_REWRITTEN}"
GATHERED = f"""
SELECT count(*), extract(epoch FROM now() - max(erased_at)::timestamptz)::float8,
  extract(epoch FROM now() - min(erased_at)::timestamptz)::float8 FROM deletion WHERE {NOT_REWRITTEN}
"""
NOTE_REWRITTEN = "UPDATE deletion SET log_position = $1, purged_at = NULL WHERE sid = ANY($2::text[])"
REWRITTEN_AT = f"SELECT max(log_position) FROM deletion WHERE closed_at IS NULL AND purged_at IS NULL AND {IN_LOG}"
NOTE_PURGED = """
UPDATE deletion SET purged_at = $1, waits_for = NULL
WHERE closed_at IS NULL AND purged_at IS NULL AND log_position <= $2
"""
PURGED_AT = f"SELECT max(log_position) FROM deletion WHERE closed_at IS NULL AND purged_at IS NOT NULL AND {IN_LOG}"
CLOSE = """
UPDATE deletion SET closed_at = $1, waits_for = NULL
WHERE closed_at IS NULL AND purged_at IS NOT NULL AND log_position <= $2
"""
NOTE_REASON = """
UPDATE deletion SET waits_for = $1 WHERE erased_at IS NOT NULL AND closed_at IS NULL AND waits_for IS DISTINCT FROM $1
"""
NOTE_POOLED = NOTE_REASON.replace("$1", f"'{POOLED}'")
"""Without a parameter, since a pool may not support prepared statements."""
IS_OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'interaction'::regclass"
NOT_OWNER = (
    "Only the owner of the tables removes the bytes of erased rows, and this server's role is another one. Let one "
    "server use the owner's URL."
)
NOTE_NOT_OWNER = (
    "UPDATE deletion SET waits_for = $1 WHERE erased_at IS NOT NULL AND purged_at IS NULL AND waits_for IS NULL"
)
"""A reason that the owner's server has written stays."""
ANOTHER_PURGES = "Another server is removing the bytes of what was erased."
NOT_YET = (
    "PostgreSQL keeps the bytes of a deleted row until its table is rewritten and its log is past it. A server does "
    "both in the background."
)


class Purge:
    """Moves erasures on to their next stages, in the database at ``address``; its other hosts and ``replicas`` too."""

    def __init__(self, address: Address, replicas: Sequence[Address] = (), small_bytes: int = SMALL_BYTES) -> None:
        hosts = hosts_of(address)
        self._address, self._small_bytes = address, small_bytes
        self._hosts = [*(hosts if len(hosts) > 1 else ()), *(host for each in replicas for host in hosts_of(each))]
        self._not_before = self._next_rewriting = 0.0
        self._pause = 0.0
        self._erased_before: dict[Any, int] = {}
        """By SID and time of an erasure: the number of a transaction that began after it."""

    async def advance(self, at_once: bool = False) -> str | None:
        """Goes through the stages as far as possible now.

        Returns None if nothing is left to do, else the reason as a sentence, which the open entries get too. Unless
        ``at_once``, it may wait for more erasures. Raises a DatabaseError if the server can't be reached.
        """
        if not at_once and time.monotonic() < self._not_before:
            return NOT_YET
        connection = await connect(self._address, SETTINGS)
        try:
            if await is_pooled(connection, self._address):
                await connection.execute(NOTE_POOLED)
                return POOLED
            if not await connection.fetchval(ANY_OPEN):
                return None
            if not await connection.fetchval(IS_OWNER):
                await connection.execute(NOTE_NOT_OWNER, NOT_OWNER)
                return NOT_OWNER
            if not await _takes_purge_lock(connection, wait=at_once):
                return ANOTHER_PURGES
            is_late = time.monotonic() >= self._next_rewriting and not await self._is_gathering(connection)
            reason = await self._stages(connection, at_once or is_late)
            self._pause = 0.0 if reason in (None, NOT_YET) else min(LONGEST_PAUSE_SECONDS, max(2.0, 2 * self._pause))
            self._not_before = time.monotonic() + self._pause
            return reason
        finally:
            await close(connection)

    async def _stages(self, connection: RawConnection, may_rewrite: bool) -> str | None:
        try:
            async with AsyncExitStack() as stack:
                is_rewritten = not may_rewrite or await self._rewrite(connection)
                servers = [await stack.enter_async_context(_connected(host)) for host in self._hosts]
                standbys = [server for server in servers if await server.fetchval("SELECT pg_is_in_recovery()")]
                await self._await_replay(connection, standbys)
                await self._remove_from_log(connection, standbys)
                if not is_rewritten:
                    raise Unfinished(OLDER_SNAPSHOT)
        except Unfinished as error:
            reason = str(error)
        except asyncpg.InsufficientPrivilegeError:
            reason = wal.NEEDS_MONITOR
        except StoreError as error:
            reason = str(error)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            reason = f"PostgreSQL could not remove the bytes: {type(error).__name__}. It is tried again."
        else:
            return NOT_YET if await connection.fetchval(ANY_OPEN) else None
        return await _stored(connection, reason)

    async def _is_gathering(self, connection: RawConnection) -> bool:
        ((number, newest, oldest),) = await connection.fetch(GATHERED)
        return bool(number) and newest < QUIET_SECONDS and oldest < LONGEST_GATHERING_SECONDS

    async def _rewrite(self, connection: RawConnection) -> bool:
        """Rewrites the tables of what was erased; returns False if they may still have the bytes of some of it."""
        async with writers_locked(connection):
            erased = [(sid, erased_at) for sid, erased_at in await connection.fetch(ERASED)]
            reached = await next_transaction(connection)
        # An erasure keeps its number through further attempts, so what they wait for comes, also while others write.
        self._erased_before = {each: self._erased_before.get(each, reached) for each in erased}
        begun = time.monotonic()
        for table in sorted({table for sid, _ in erased for table in TABLES_BY_PREFIX.get(sid[:2], ())}):
            kept_from = await rewrite(connection, table, partial(writers_locked, connection), self._small_bytes)
            reached = min(reached, kept_from)
        self._next_rewriting = time.monotonic() + PAUSE_FACTOR * (time.monotonic() - begun)
        rewritten = [each[0] for each, before in self._erased_before.items() if before <= reached]
        if rewritten:
            position = await wal.position(connection)
            async with writers_locked(connection):
                await connection.execute(NOTE_REWRITTEN, position, rewritten)
        return len(rewritten) == len(erased)

    async def _await_replay(self, connection: RawConnection, standbys: Iterable[RawConnection]) -> None:
        position = await connection.fetchval(REWRITTEN_AT)
        if position is None:
            return
        for standby in standbys:
            await await_replayed(standby, position)
        await await_replay(connection, position)
        async with writers_locked(connection):
            await connection.execute(NOTE_PURGED, now(), position)

    async def _remove_from_log(self, connection: RawConnection, standbys: Sequence[RawConnection]) -> None:
        position = await connection.fetchval(PURGED_AT)
        if position is None:
            return
        logs = [await wal.log_of(server) for server in (connection, *standbys)]
        past = max(log.last_to_drop(position) for log in logs)
        await _write_past(connection, past)
        last = await _drop_segments(connection, standbys, past, position)
        for standby in standbys:
            await await_replayed(standby, await wal.position(connection))  # With the checkpoint's record.
            last = max(last, await _drop_segments(standby, (), past, position))
        await _write_past(connection, last)
        for standby in standbys:
            # A standby replays a switch before it has the rest of the segment.
            await await_received(standby, (last + 1) * logs[0].segment_bytes)
        async with writers_locked(connection):
            await connection.execute(CLOSE, now(), position)


async def _stored(connection: RawConnection, reason: str) -> str:
    """Writes the reason into the open entries of the ledger, if the server still answers, and returns it."""
    if not connection.is_closed():
        await connection.execute(NOTE_REASON, reason)
    return reason


async def _takes_purge_lock(connection: RawConnection, wait: bool) -> bool:
    """Takes the purge lock; False if another server purges and, if ``wait``, doesn't finish in some seconds.

    A statement that waits for the lock would have a snapshot, for which the other one's VACUUM keeps the deleted rows.
    """
    until = time.monotonic() + (PURGE_LOCK_SECONDS if wait else 0)
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", PURGE_LOCK):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(SECONDS_BETWEEN_TRIES)
    return True


async def _write_past(primary: RawConnection, segment: int) -> None:
    """Makes the primary write past a segment, no faster than its standbys fetch the log. Raises Unfinished.

    After so much log PostgreSQL makes a checkpoint by itself, just when a segment begins, and removes the one before,
    which a standby may still have to fetch. So one is made here, when all that it removes was fetched.
    """
    for number in range(1, wal.SWITCHES + 1):
        log = await wal.log_of(primary)
        if log.current > segment:
            return
        await await_fetched(primary, log.current * log.segment_bytes)
        if number % wal.SWITCHES_BETWEEN_CHECKPOINTS == 0:
            await wal.checkpoint(primary)
        await wal.begin_next_segment(primary, log)
    raise Unfinished("PostgreSQL has not yet written over all of its recycled log. This goes on.")


async def _drop_segments(server: RawConnection, standbys: Iterable[RawConnection], past: int, position: int) -> int:
    """Makes the server remove the log's segments up to ``past``; returns the number of its last file.

    Its ``standbys``, and those that it knows itself, must have fetched all segments but the current one.
    """
    log = await wal.log_of(server)
    may = True
    if log.oldest <= past:
        for standby in standbys:
            await await_received(standby, log.current * log.segment_bytes)
        await await_fetched(server, log.current * log.segment_bytes)
        may = await wal.checkpoint(server)
        log = await wal.log_of(server)
    if log.oldest <= past:
        where = "A standby's log" if log.is_standby else "The log"
        if not may:
            raise Unfinished(f"{where} still has the erased rows until PostgreSQL's next checkpoint.")
        keepers = ", ".join(await wal.kept_by(server, position)) or "a setting of the server"
        raise Unfinished(f"{where} still has the erased rows. What may keep it: {keepers}.")
    return log.newest


@asynccontextmanager
async def _connected(address: Address) -> AsyncIterator[RawConnection]:
    connection = await connect(address, {"statement_timeout": "0"})
    try:
        yield connection
    finally:
        await close(connection)


@asynccontextmanager
async def writers_locked(connection: RawConnection) -> AsyncIterator[None]:
    """Keeps all writers out while the block lasts."""
    await connection.execute("SELECT pg_advisory_lock($1)", WRITE_LOCK)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", WRITE_LOCK)
