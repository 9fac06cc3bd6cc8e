"""The writer: runs transactions, one at a time among all servers of the archive.

Each transaction begins with the writers' lock, so numbers of the change feed have the order of the commits.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from store.columns import Record
from store.engine.cancellation import finish_even_if_cancelled
from store.engine.database import Address
from store.engine.protocols import Parameters, Written
from store.engine.sql import Sql, text_of
from store.errors import Unavailable
from store.postgresql.bound_rows import IS_GIVEN, arrays, rows_of, storable_rows
from store.postgresql.connections import COMMAND_SECONDS, KEEPALIVES, Connector, RawConnection, close
from store.postgresql.dialect import DIALECT
from store.postgresql.explanations import FAILURES, explained_write, read_only, unavailable
from store.postgresql.migrations import WRITE_LOCK
from store.postgresql.parameters import labelled, numbered
from store.postgresql.purging.stages import ANY_OPEN, NOT_YET, Purge
from store.queries import upserts

LOCK_SECONDS = 5
MIRRORING, WRITE, PUT = "sync", "write", "put"
"""The kinds of statements, for their comments. PUT is for those that run in both kinds of transactions."""
STATEMENT_SECONDS = 120.0
ROLL_BACK_SECONDS = 1.0
WRITING = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "1s",
    "jit": "off",
} | KEEPALIVES
"""The server's settings for the connection that writes: the server ends the transaction of a client that died or
is cut off, and with that its writers' lock.
"""

DURABLE = """
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
  WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, TRUE)
""".strip()
MIRRORED = "SET LOCAL synchronous_commit = local"
"""Commits without waiting for a standby. ``off`` would also delay the rows on standbys, by up to 0.2 seconds."""

BEGIN = f"""
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
{{durability}};
SET LOCAL enable_seqscan = off;
SET LOCAL lock_timeout = '{LOCK_SECONDS}s';
SELECT pg_advisory_xact_lock({WRITE_LOCK});
SET LOCAL lock_timeout = 0
""".strip()
"""Forbids sequential scans: the connection keeps its plans, and one that was made for a small table would stay."""

NOT_REPLICATED = "canceling wait for synchronous replication"


class PostgreSQLTransaction:
    """An open write transaction."""

    dialect = DIALECT

    def __init__(self, raw: RawConnection, address: Address, kind: str) -> None:
        """``kind`` stands in the comment of each statement."""
        self._raw = raw
        self._address = address
        self._kind = kind

    async def execute(self, sql: Sql, parameters: Parameters = ()) -> int:
        """Runs one statement; returns how many rows it changed."""
        statement = numbered(text_of(sql, DIALECT))
        return await self._execute(statement.text, statement.values(parameters), self._kind)

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> list[Any]:
        """The rows of a small read, which sees what the transaction has written so far."""
        statement = numbered(text_of(sql, DIALECT))
        return await self._fetch(statement.text, statement.values(parameters), self._kind)

    async def put(self, records: Iterable[Record]) -> Written:
        """Inserts or replaces records, parents before children.

        Those that were deleted stay out; an erased Participant is written without what names the person.
        """
        return await upserts.put(records, self._count, self._upsert)

    async def _count(self, record_type: type[Record], sids: list[str]) -> upserts.StoredAndErased:
        (counts,) = await self._fetch(upserts.stored_and_erased_statement(record_type, IS_GIVEN), [sids], PUT)
        return upserts.StoredAndErased(*counts)

    async def _upsert(self, record_type: type[Record], records: list[Record]) -> int:
        rows = storable_rows(records)
        if combinations := upserts.combinations_statement(record_type, DIALECT, rows_of):
            statement, columns = combinations
            await self._execute(statement, arrays(rows, columns), PUT)
        values = arrays(rows, record_type.__struct_fields__)
        return await self._execute(upserts.upsert_statement(record_type, DIALECT, rows_of), values, PUT)

    async def _execute(self, text: str, values: Iterable[Any], kind: str) -> int:
        try:
            status = await self._raw.execute(labelled(text, kind), *values, timeout=STATEMENT_SECONDS)
        except Exception as error:
            raise explained_write(error, self._address) from None  # The error's text can quote a row's values.
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def _fetch(self, text: str, values: Iterable[Any], kind: str) -> list[Any]:
        try:
            return await self._raw.fetch(labelled(text, kind), *values, timeout=STATEMENT_SECONDS)
        except Exception as error:
            raise explained_write(error, self._address) from None


class PostgreSQLWriter:
    """Opens transactions, one at a time, on a connection that it opens again if it was lost."""

    cleans_at_once = False

    def __init__(self, address: Address, replicas: Sequence[Address] = ()) -> None:
        """``replicas`` are the standbys from which the bytes of erased rows must be removed, too."""
        self._address = address
        self._purge = Purge(address, replicas)
        self._connector = Connector(address, WRITING)
        self._aborts = 0
        self.is_lost = False
        """Whether the server is known not to answer: no connection is opened then."""
        self._raw: RawConnection | None = None
        self._one_at_a_time = asyncio.Lock()
        self._warnings: list[str] = []

    @asynccontextmanager
    async def transaction(self, is_mirrored: bool = False) -> AsyncIterator[PostgreSQLTransaction]:
        """A transaction that commits at the end of the block, or rolls back if it raises.

        One that ``is_mirrored``, of rows that can be read from Twilio again, doesn't wait for standbys. Raises
        DatabaseLocked if another server writes for too long, Unavailable if the server can't be reached. If that is
        raised at the end of the block, the transaction may have been committed all the same.
        """
        aborts = self._aborts
        async with self._one_at_a_time:
            raw = await self._begun(BEGIN.format(durability=MIRRORED if is_mirrored else DURABLE), aborts)
            try:
                yield PostgreSQLTransaction(raw, self._address, MIRRORING if is_mirrored else WRITE)
                await self._commit(raw)
            except BaseException as error:
                await finish_even_if_cancelled(self._roll_back(raw, error))
                raise

    async def clean(self, closing: bool = False) -> str | None:
        """Returns None if every erasure has reached its last stage, else a sentence; ``purge`` moves them on."""
        aborts = self._aborts
        async with self._one_at_a_time:
            raw = await self._connection(aborts)
            try:
                return NOT_YET if await raw.fetchval(ANY_OPEN, timeout=COMMAND_SECONDS) else None
            except Exception as error:
                raise explained_write(error, self._address) from error

    async def purge(self, at_once: bool = False) -> str | None:
        """Moves erasures on to their next stages (store/postgresql/purging/stages.py). May take minutes.

        Returns None if every erasure is through, else the reason. Unless ``at_once``, it may wait for more erasures.
        Raises a DatabaseError if the server can't be reached.
        """
        return await self._purge.advance(at_once)

    async def close(self) -> None:
        """Closes the connection, and opens no more."""
        await self._connector.close()
        if self._raw:
            await close(self._raw)

    def abort(self) -> None:
        """Drops the connection, since its server was lost: its transaction, and all that wait, get Unavailable."""
        self._aborts += 1
        self._connector.abort()
        if self._raw:
            self._raw.terminate()

    async def _begun(self, begin: str, aborts: int) -> RawConnection:
        """The connection, in a new transaction; a new connection if the server has ended the last one."""
        if self._raw and not self._raw.is_closed():
            with suppress(Unavailable):
                await self._begin(self._raw, begin)
                return self._raw
        raw = await self._connection(aborts)
        await self._begin(raw, begin)
        return raw

    async def _connection(self, aborts: int) -> RawConnection:
        """The connection, opened if need be; ``aborts`` is how often ``abort`` was called when the caller began."""
        if self._raw is None or self._raw.is_closed():
            if self.is_lost or self._aborts != aborts:
                raise unavailable(self._address)
            self._raw = await self._connector.connect()
            self._raw.add_log_listener(self._note_warning)
        return self._raw

    async def _begin(self, raw: RawConnection, begin: str) -> None:
        try:
            await self._command(raw, begin, LOCK_SECONDS + COMMAND_SECONDS)
        except BaseException as error:
            if isinstance(error, Unavailable):
                raw.terminate()
            await finish_even_if_cancelled(self._roll_back(raw, error))
            raise

    async def _commit(self, raw: RawConnection) -> None:
        self._warnings.clear()
        await self._command(raw, "COMMIT", COMMAND_SECONDS)
        if self._warnings:  # It is committed on the primary, but perhaps on no standby.
            raise unavailable(self._address)

    async def _roll_back(self, raw: RawConnection, error: BaseException) -> None:
        if raw.is_closed():
            return
        try:
            # asyncpg learns only later how a cancelled statement ended, so whether a transaction is open. Without one,
            # ROLLBACK does nothing but warn.
            if isinstance(error, asyncio.CancelledError) or raw.is_in_transaction():
                await raw.execute("ROLLBACK", timeout=ROLL_BACK_SECONDS)
        except FAILURES:
            # A request to cancel a statement can come too early and be lost. The server ends it without its client.
            raw.terminate()

    async def _command(self, raw: RawConnection, sql: str, seconds: float) -> None:
        try:
            await raw.execute(sql, timeout=seconds)
        except asyncpg.FeatureNotSupportedError as error:  # A standby can't begin a transaction that may write.
            raise read_only(self._address) from error
        except Exception as error:
            raise explained_write(error, self._address) from error

    def _note_warning(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        if NOT_REPLICATED in str(message):
            self._warnings.append(NOT_REPLICATED)
