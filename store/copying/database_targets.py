"""A database of PostgreSQL as the target of a copy; nobody can open it as an archive before the copy is complete.

Rows come by COPY, which is the fastest way in. Triggers are off meanwhile, and the indexes, primary keys and foreign
keys of the large tables are made when all rows are there.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from asyncpg import UndefinedTableError

from store.copying.progress import (
    ANY_ROW,
    BEGIN,
    CREATE,
    EMPTY_FEED,
    FINISH,
    NOTE,
    NOTE_STEPS,
    PROGRESS,
    SET_ARCHIVE,
    STEPS,
    CopyProgress,
    Done,
    dumped,
    occupied,
    overtaken,
)
from store.copying.states import SECONDS, ArchiveState, DatabaseState
from store.copying.tables import OF_RECORDS, TABLES, Table, TableRows
from store.engine.database import Address
from store.erasure.copies import FORGET, NOTE_SOURCE, name_of
from store.errors import StoreError
from store.postgresql.connections import KEEPALIVES, RawConnection, close, connect
from store.postgresql.explanations import FAILURES, explained_write
from store.postgresql.migrations import WRITE_LOCK
from store.postgresql.opening import UNFINISHED, prepare
from store.postgresql.parameters import numbered
from store.postgresql.purging import wal
from store.postgresql.writer import DURABLE
from store.twilio_mapping import now

WRITING = {
    **KEEPALIVES,
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "client_connection_check_interval": "1s",
    "jit": "off",
}
START = f"""
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL lock_timeout = '5s';
SELECT pg_advisory_xact_lock({WRITE_LOCK});
SET LOCAL lock_timeout = 0
""".strip()
RELAXED = "SET LOCAL synchronous_commit = off"
"""Doesn't wait for the disk: if the server dies, a commit is lost together with the progress that it recorded. The last
commit waits."""
IS_COPYING = f"SELECT to_regclass('{UNFINISHED}') IS NOT NULL"
LARGE = [table.name for table in OF_RECORDS if not table.name.endswith("_kind")]
DEFINED = """
SELECT 1 AS place, pg_get_indexdef(indexrelid) AS made, format('DROP INDEX %s', indexrelid::regclass) AS dropped
FROM pg_index
WHERE indrelid = ANY($1::text[]::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
UNION ALL
SELECT CASE contype WHEN 'p' THEN 0 ELSE 2 END,
  format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)),
  format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
FROM pg_constraint
WHERE contype = 'p' AND conrelid = ANY($1::text[]::regclass[])
  OR contype = 'f' AND confrelid = ANY($1::text[]::regclass[])
ORDER BY place DESC, made
"""
"""The indexes, primary keys, and foreign keys to them, in the order in which they can be dropped."""
DISABLE = "; ".join(f"ALTER TABLE {table.name} DISABLE TRIGGER USER" for table in TABLES)
ENABLE = "; ".join(f"ALTER TABLE {table.name} ENABLE TRIGGER USER" for table in TABLES)
TRUNCATE = f"TRUNCATE {', '.join(table.name for table in TABLES)}"
BEGUN_AT = f"SELECT begun_at FROM {UNFINISHED}"
REOPEN = f"""
UPDATE deletion SET closed_at = NULL, purged_at = coalesce(purged_at, :at), log_position = :position
WHERE closed_at IS NOT NULL AND erased_at >= (SELECT begun_at FROM {UNFINISHED})
""".strip()
"""What was erased since the copying first began may have been copied before, so PostgreSQL's log may have it.

A server closes these entries when the log is past its position now (store/postgresql/purging/stages.py). The tables
were truncated, which leaves no file with it.
"""
VACUUM = f"VACUUM (ANALYZE) {', '.join(table.name for table in TABLES)}"
"""Makes statistics and the visibility map, so that answers are fast at once."""


@asynccontextmanager
async def opened_database(address: Address) -> AsyncIterator["DatabaseTarget"]:
    """The target at ``address`` to the end of the block. Raises a DatabaseError if it can't be used."""
    await prepare(address, create=True, copying=True)
    raw = await connect(address, WRITING)
    try:
        yield DatabaseTarget(raw, address)
    finally:
        await close(raw)


class DatabaseTarget:
    """A Target in a database of PostgreSQL; see the Protocol."""

    def __init__(self, raw: RawConnection, address: Address) -> None:
        self._raw, self._address = raw, address

    async def progress(self) -> CopyProgress | None:
        """Its progress."""
        async with self._transaction():
            if await self._raw.fetchval(IS_COPYING):
                ((epoch, state, done),) = await self._raw.fetch(PROGRESS)
                return CopyProgress(epoch, state, msgspec.json.decode(done))
            if await self._raw.fetchval(ANY_ROW):
                raise occupied(self._address)
            return None

    async def begin(self, progress: CopyProgress) -> None:
        """Begins a copy."""
        async with self._transaction():
            steps: list[str] = []
            begun_at = now()
            if await self._raw.fetchval(IS_COPYING):
                steps = msgspec.json.decode(await self._raw.fetchval(STEPS))
                begun_at = await self._raw.fetchval(BEGUN_AT)
                await self._raw.execute(FINISH)
            for sql in (TRUNCATE, *EMPTY_FEED, DISABLE):
                await self._raw.execute(sql)
            defined = await self._raw.fetch(DEFINED, LARGE)
            for row in defined:
                await self._raw.execute(row["dropped"])
            made = [row["made"] for row in defined]
            await self._raw.execute(CREATE)
            values = {"done": dumped(progress.done), "steps": dumped(_in_order([*made, *steps])), "begun_at": begun_at}
            await self._execute(BEGIN, {"epoch": progress.epoch, "state": progress.state, **values})

    async def write(self, table: Table, rows: Sequence[TableRows], before: Done, done: Done) -> None:
        """Writes rows."""
        async with self._transaction():
            await self._note(NOTE, {"before": dumped(before), "done": dumped(done)})
            for some in rows:
                await self._raw.copy_records_to_table(
                    table.name, records=some.rows, columns=table.names, timeout=SECONDS
                )

    async def set_archive(self, values: dict[str, Any]) -> None:
        """Writes the columns OF_ARCHIVE."""
        async with self._transaction():
            await self._execute(SET_ARCHIVE, values)

    async def build(self) -> AsyncIterator[int]:
        """Makes the missing indexes, keys and triggers."""
        steps: list[str] = msgspec.json.decode(await self._fetch_value(STEPS))
        while steps:
            yield len(steps)
            async with self._transaction():
                await self._note(NOTE_STEPS, {"before": dumped(steps), "steps": dumped(steps[1:])})
                await self._raw.execute(steps[0])
            steps = steps[1:]
        try:
            await self._raw.execute(VACUUM)
        except FAILURES as error:
            raise explained_write(error, self._address) from error

    @asynccontextmanager
    async def state(self) -> AsyncIterator[ArchiveState]:
        """Its present state."""
        state = DatabaseState(self._raw, self._address)
        await state.begin()
        yield state
        await state.end()

    async def discard(self) -> None:
        """Removes all rows, and leaves an archive without any."""
        async with self._transaction(DURABLE):
            if not await self._raw.fetchval(IS_COPYING):
                if await self._raw.fetchval(ANY_ROW):  # Another process has just finished it.
                    raise occupied(self._address)
                return
            await self._raw.execute(TRUNCATE)
            for sql in (*msgspec.json.decode(await self._raw.fetchval(STEPS)), *EMPTY_FEED, ENABLE, FINISH):
                await self._raw.execute(sql)

    async def finish(self, source: str) -> AsyncIterator[tuple[int, int]]:
        """Ends the copy."""
        async with self._transaction(DURABLE):
            position = await wal.position(self._raw)
            await self._execute(REOPEN, {"position": position, "at": now()})
            await self._execute(FORGET, {"target": name_of(self._address)})
            await self._execute(NOTE_SOURCE, {"target": source, "at": now()})
            for sql in (ENABLE, FINISH):
                await self._raw.execute(sql)
        yield 1, 1

    @asynccontextmanager
    async def _transaction(self, durability: str = RELAXED) -> AsyncIterator[None]:
        try:
            await self._raw.execute(f"{START};\n{durability}", timeout=SECONDS)
            yield
            await self._raw.execute("COMMIT", timeout=SECONDS)
        except (StoreError, *FAILURES) as error:
            if not self._raw.is_closed():
                await self._raw.execute("ROLLBACK", timeout=SECONDS)
            raise explained_write(error, self._address) from None  # Its text can quote a row's values.

    async def _note(self, sql: str, values: dict[str, Any]) -> None:
        try:
            is_ours = await self._execute(sql, values) == "UPDATE 1"
        except UndefinedTableError:
            is_ours = False
        if not is_ours:
            raise overtaken(self._address)

    async def _execute(self, sql: str, values: dict[str, Any]) -> str:
        statement = numbered(sql)
        return str(await self._raw.execute(statement.text, *statement.values(values), timeout=SECONDS))

    async def _fetch_value(self, sql: str) -> Any:
        async with self._transaction():
            return await self._raw.fetchval(sql)


def _in_order(steps: Sequence[str]) -> list[str]:
    """Primary keys, indexes, foreign keys."""
    return sorted(steps, key=lambda sql: 1 if sql.startswith("CREATE") else 2 if " FOREIGN KEY " in sql else 0)
