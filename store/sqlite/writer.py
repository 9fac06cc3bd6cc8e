"""The writer: runs transactions and checkpoints, one at a time among all processes.

Only the writer checkpoints, under the same lock as transactions, because SQLite before 3.51.3 can
corrupt a database when a checkpoint races with a write (see has_wal_reset_bug in store/sqlite/connections.py).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import filelock
import msgspec

from store import interactions, participants, sessions
from store.columns import Record, storable_record
from store.engine.protocols import Parameters, Written
from store.engine.sql import Sql, text_of
from store.errors import DatabaseLocked
from store.interactions import Interaction
from store.lists.facets import FacetTable
from store.participants import Participant
from store.sessions import Session
from store.sqlite.cleaning import Cleaner
from store.sqlite.connections import BUSY_TIMEOUT_MS, WAL_LIMIT_BYTES, rows_from_json
from store.sqlite.dialect import DIALECT
from store.sqlite.explanations import explained, is_file_error, refused_by_system
from store.sqlite.files import mode_of_writers
from store.sqlite.json_safe import is_plain
from store.sqlite.opening import lock_of

T = TypeVar("T")

FACETS: dict[type[Record], FacetTable] = {
    Session: sessions.FACETS,
    Participant: participants.FACETS,
    Interaction: interactions.FACETS,
}
PERSON = "(SELECT person FROM participant WHERE participant.sid = row.{leg}_participant_sid)"
OWN_PERSON = """
iif(row.identifier IS NULL, NULL, coalesce(
  (SELECT person FROM participant WHERE participant.identifier = row.identifier LIMIT 1),
  (SELECT ifnull(max(person), 0) FROM participant WHERE person IS NOT NULL) + row.new_person
))
""".strip()
WITH_NEW_PERSONS = "SELECT *, dense_rank() OVER (ORDER BY identifier) AS new_person FROM ({rows})"
"""Numbers the identifiers, so that new participants of one person that are written together get one number."""
PERSONS: dict[type[Record], dict[str, str]] = {
    Participant: {"person": OWN_PERSON},
    Interaction: {f"{leg}_person": PERSON.format(leg=leg) for leg in ("inbound", "outbound")},
}
"""Columns with a person. A participant that is written after its interactions gives them its person by a trigger."""

NUL = b"\\u0000"
"""What a NUL is in JSON, also within an escaped text. SQLite's JSON functions cut a text off at a NUL."""

UPSERT = """
INSERT INTO {table} ({columns}) SELECT {given} FROM ({rows}) AS row WHERE TRUE
ON CONFLICT (sid) DO UPDATE SET {assignments} WHERE ({values}) IS NOT ({excluded})
""".strip()
INSERT_COMBINATIONS = (
    "INSERT INTO {facet_table} ({columns}) SELECT DISTINCT {values} FROM ({rows}) WHERE TRUE ON CONFLICT DO NOTHING"
)
WITH_FACETS = "SELECT *, {values} FROM ({rows})"
WITHOUT_ERASED = """
SELECT {columns} FROM (SELECT *, EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = given.sid) AS erased
  FROM ({rows}) AS given)
""".strip()
WITH_PLAIN = "SELECT *, {is_plain} AS plain FROM ({rows})"
COMBINATION_ID = "(SELECT id FROM {facet_table} WHERE {conditions})"
COUNT_STORED = """
SELECT (SELECT count(*) FROM {table} WHERE sid IN (SELECT value FROM json_each(:sids))),
  (SELECT count(*) FROM deletion WHERE erased_at IS NOT NULL AND sid IN (SELECT value FROM json_each(:sids)))
""".strip()


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
        written = Written()
        record_type: type[Record]
        for record_type, group in groupby(records, type):
            rows = {record.sid: record for record in group}
            sids = {"sids": msgspec.json.encode(list(rows)).decode()}
            ((stored, deleted),) = await self._connection.execute_fetchall(
                COUNT_STORED.format(table=record_type.table), sids
            )
            upserted = await self._upsert(record_type, list(rows.values()))
            new = len(rows) - stored - (0 if record_type.personal else deleted)
            counts = (new, upserted - new, stored - (upserted - new))
            written = Written(*(total + more for total, more in zip(written, counts, strict=True)))
        return written

    async def _upsert(self, record_type: type[Record], rows: list[Record]) -> int:
        # All rows are bound as one JSON value, so that SQLite writes them without the interpreter lock: binding row by
        # row, beside a busy event loop, the thread would have to reacquire the lock for each.
        payload = msgspec.json.encode(rows)
        if NUL in payload:
            payload = msgspec.json.encode([storable_record(row) for row in rows])
        bound = {"rows": payload.decode()}
        if insert_combinations := _insert_combinations(record_type):
            await self.execute(insert_combinations, bound)
        return await self.execute(_upsert(record_type), bound)


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
                await _finish_even_if_cancelled(self._connection.rollback())
                raise
            finally:
                if is_mirrored:
                    await _finish_even_if_cancelled(self._set_synchronous_full())
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
        return await _finish_even_if_cancelled(asyncio.to_thread(self._cleaner.clean))

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


async def _finish_even_if_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``. A cancellation is raised only after ``work`` is done, so it never runs on unobserved."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:
            break
    if cancelled:
        raise cancelled
    return task.result()


@lru_cache
def _upsert(record_type: type[Record]) -> str:
    columns = record_type.__struct_fields__
    rows, given = rows_from_json(columns), ", ".join(f"row.{column}" for column in columns)
    if record_type.personal:
        erased = (f"iif(erased, NULL, {name}) AS {name}" if name in record_type.personal else name for name in columns)
        rows = WITHOUT_ERASED.format(columns=", ".join(erased), rows=rows)
    if record_type is Participant:
        rows = WITH_NEW_PERSONS.format(rows=rows)
    if facets := FACETS.get(record_type):
        same = " AND ".join(f"{facets.table}.{name} = row.facet_{name}" for name in facets.columns)
        values = ", ".join(f"{text_of(value, DIALECT)} AS facet_{name}" for name, value in facets.columns.items())
        rows = WITH_FACETS.format(values=values, rows=rows)
        given = f"{given}, {COMBINATION_ID.format(facet_table=facets.table, conditions=same)}"
        columns = (*columns, "kind")
    for column, person in PERSONS.get(record_type, {}).items():
        given, columns = f"{given}, {person}", (*columns, column)
    if record_type.plain:
        rows = WITH_PLAIN.format(is_plain=is_plain(record_type.plain), rows=rows)
        given, columns = f"{given}, row.plain", (*columns, "plain")
    others = [column for column in columns if column != "sid"]
    return UPSERT.format(
        table=record_type.table,
        columns=", ".join(columns),
        given=given,
        rows=rows,
        assignments=", ".join(f"{column} = excluded.{column}" for column in others),
        values=", ".join(f"{record_type.table}.{column}" for column in others),
        excluded=", ".join(f"excluded.{column}" for column in others),
    )


@lru_cache
def _insert_combinations(record_type: type[Record]) -> str | None:
    facets = FACETS.get(record_type)
    if facets is None:
        return None
    return INSERT_COMBINATIONS.format(
        facet_table=facets.table,
        columns=", ".join(facets.columns),
        values=", ".join(text_of(value, DIALECT) for value in facets.columns.values()),
        rows=rows_from_json(record_type.__struct_fields__),
    )
