"""The writer: runs transactions and checkpoints, one at a time among all processes.

Only the writer checkpoints, under the same lock as transactions, because SQLite before 3.51.3 can
corrupt a database when a checkpoint races with a write (see has_wal_reset_bug in store/sqlite/connections.py).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import filelock
import msgspec

from store.columns import Record, storable_record
from store.engine.cancellation import finish_even_if_cancelled
from store.engine.protocols import Parameters, Written
from store.engine.sql import Sql, text_of
from store.errors import DatabaseLocked
from store.queries import upserts
from store.sqlite.cleaning import Cleaner
from store.sqlite.connections import BUSY_TIMEOUT_MS, WAL_LIMIT_BYTES
from store.sqlite.dialect import DIALECT
from store.sqlite.explanations import explained, is_file_error, refused_by_system
from store.sqlite.files import mode_of_writers
from store.sqlite.opening import lock_of

NUL = b"\\u0000"
"""What a NUL is in JSON, also within an escaped text. SQLite's JSON functions cut a text off at a NUL."""

IS_GIVEN = "sid IN (SELECT value FROM json_each(:sids))"


class SQLiteTransaction:
    """An open write transaction."""

    dialect = DIALECT

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: Sql, parameters: Parameters = ()) -> int:
        """Runs one statement; returns how many rows it changed."""
        async with self._connection.execute(text_of(sql, DIALECT), parameters) as cursor:
            return cursor.rowcount

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> list[Any]:
        """The rows of a small read, which sees what the transaction has written so far."""
        return list(await self._connection.execute_fetchall(text_of(sql, DIALECT), parameters))

    async def put(self, records: Iterable[Record]) -> Written:
        """Inserts or replaces records, parents before children.

        Those that were deleted stay out; an erased Participant is written without what names the person.
        """
        return await upserts.put(records, self._count, self._upsert)

    async def _count(self, record_type: type[Record], sids: list[str]) -> upserts.StoredAndErased:
        bound = {"sids": msgspec.json.encode(sids).decode()}
        (counts,) = await self.fetch(upserts.stored_and_erased_statement(record_type, IS_GIVEN), bound)
        return upserts.StoredAndErased(*counts)

    async def _upsert(self, record_type: type[Record], rows: list[Record]) -> int:
        # All rows are bound as one JSON value, so that SQLite writes them without the interpreter lock: binding row by
        # row, beside a busy event loop, the thread would have to reacquire the lock for each.
        payload = msgspec.json.encode(rows)
        if NUL in payload:
            payload = msgspec.json.encode([storable_record(row) for row in rows])
        bound = {"rows": payload.decode()}
        if combinations := upserts.combinations_statement(record_type, DIALECT, _rows):
            await self.execute(combinations[0], bound)
        return await self.execute(upserts.upsert_statement(record_type, DIALECT, _rows), bound)


class SQLiteWriter:
    """Opens transactions, one at a time, and cleans the log after them."""

    cleans_at_once = True

    def __init__(self, connection: aiosqlite.Connection, path: Path, cleaner: Cleaner) -> None:
        self._connection = connection
        self._path = path
        self._cleaner = cleaner
        self._wal = path.with_name(path.name + "-wal")
        self._one_at_a_time = asyncio.Lock()
        self._lock = filelock.AsyncFileLock(lock_of(path), BUSY_TIMEOUT_MS / 1000, mode_of_writers(path, lock_of(path)))

    @asynccontextmanager
    async def transaction(self, is_mirrored: bool = False) -> AsyncIterator[SQLiteTransaction]:
        """A transaction that commits at the end of the block, or rolls back if it raises.

        One that ``is_mirrored``, of rows that can be read from Twilio again, doesn't wait for the disk: it survives a
        crash of the process, but perhaps not one of the machine. Raises DatabaseLocked if another process holds the
        write lock for too long.
        """
        async with self._write_lock():
            if is_mirrored:
                await self._connection.execute("PRAGMA synchronous=NORMAL")
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                yield SQLiteTransaction(self._connection)
                await self._connection.execute("COMMIT")
            except BaseException:
                # The connection's thread runs this after any statement that a cancelled task left there, even a BEGIN.
                await finish_even_if_cancelled(self._connection.rollback())
                raise
            finally:
                if is_mirrored:
                    await finish_even_if_cancelled(self._set_synchronous_full())
            if self._wal.stat().st_size > WAL_LIMIT_BYTES:
                await self._clean()

    async def _set_synchronous_full(self) -> None:
        await self._connection.execute("PRAGMA synchronous=FULL")

    async def clean(self, closing: bool = False) -> str | None:
        """Tries once to checkpoint the log and to scrub the pages it moved (store/sqlite/cleaning.py).

        Returns None if that succeeded, else the reason as a sentence. ``closing`` also removes the empty list of pages.
        Raises DatabaseLocked if another process holds the write lock for too long.
        """
        async with self._write_lock():
            reason = await self._clean()
            if closing and reason is None:
                await asyncio.to_thread(self._cleaner.forget_list)
            return reason

    async def purge(self, at_once: bool = False) -> str | None:
        """The same as ``clean``: where the log is emptied and its pages are scrubbed, all stages are reached."""
        return await self.clean()

    async def _clean(self) -> str | None:
        return await finish_even_if_cancelled(asyncio.to_thread(self._cleaner.clean))

    @asynccontextmanager
    async def _write_lock(self) -> AsyncIterator[None]:
        async with self._one_at_a_time:
            await self._acquire_lock()
            try:
                yield
            except sqlite3.DatabaseError as error:
                if is_file_error(error):
                    raise explained(error, self._path) from error
                raise
            finally:
                await self._lock.release()

    async def _acquire_lock(self) -> None:
        try:
            await self._lock.acquire()
        except filelock.Timeout as error:
            raise DatabaseLocked(f"{self._path} is being written by another process. Try again.") from error
        except OSError as error:
            raise refused_by_system(error, lock_of(self._path)) from error


def _rows(record_type: type[Record], columns: Sequence[str]) -> str:
    """The SELECT of these columns of ``:rows``, a JSON array of records."""
    places = record_type.__struct_fields__
    values = ", ".join(f"value ->> {places.index(column)} AS {column}" for column in columns)
    return f"SELECT {values} FROM json_each(:rows)"
