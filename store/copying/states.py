"""One state of an archive, of either engine, in which a copy reads table after table."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from store.archive import read_archive
from store.engine.database import Address, Database
from store.postgresql.connections import RawConnection, close, connect
from store.postgresql.explanations import FAILURES, explained_read
from store.postgresql.parameters import labelled, numbered
from store.sqlite.connections import READING, reading
from store.sqlite.explanations import explained
from store.sqlite.files import resolved

ROWS = 500
"""The rows that are read at once. A row has 1.5 kB or so."""
SECONDS = 300.0
"""How long a server may take for the first or the next rows. Without an index in this order it sorts the table."""
UNLIMITED = {
    "default_transaction_read_only": "on",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
}
"""A copy reads for as long as it takes."""
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
KIND = "copy"

Some: TypeAlias = Sequence[Sequence[Any]]


class ArchiveState(Protocol):
    """Reads of one state."""

    async def fetch(self, sql: str, parameters: dict[str, Any]) -> Some:
        """The rows of a small read."""
        ...

    def rows(self, sql: str, parameters: dict[str, Any]) -> AsyncGenerator[Some, None]:
        """The rows of a statement, some hundred at a time."""
        ...


@asynccontextmanager
async def state_of(database: Database) -> AsyncIterator[ArchiveState]:
    """The newest state of the archive in ``database``, until the end of the block. An older archive is migrated first.

    Raises a DatabaseError if the database is missing or can't be used.
    """
    async with read_archive(database):
        pass
    if isinstance(database, Path):
        path = resolved(database)
        with closing(sqlite3.connect(reading(str(path)), **READING)) as file:
            file.execute("BEGIN")
            yield FileState(file, path)
        return
    raw = await connect(database, UNLIMITED)
    try:
        state = DatabaseState(raw, database)
        await state.begin()
        yield state
    finally:
        await close(raw)


class FileState:
    """The state of a file that its connection reads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    async def fetch(self, sql: str, parameters: dict[str, Any]) -> Some:
        """The rows of a small read."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise explained(error, self._path) from error

    async def rows(self, sql: str, parameters: dict[str, Any]) -> AsyncGenerator[Some, None]:
        """The rows of a statement."""
        try:
            cursor = self._connection.execute(sql, parameters)
            while rows := cursor.fetchmany(ROWS):
                yield rows
        except sqlite3.Error as error:
            raise explained(error, self._path) from error


class DatabaseState:
    """The state of a database in the transaction that ``begin`` opens."""

    def __init__(self, raw: RawConnection, address: Address) -> None:
        self._raw, self._address = raw, address

    async def begin(self) -> None:
        """Opens the transaction."""
        try:
            await self._raw.execute(BEGIN, timeout=SECONDS)
        except FAILURES as error:
            raise explained_read(error, self._address) from error

    async def end(self) -> None:
        """Ends it."""
        try:
            await self._raw.execute("COMMIT", timeout=SECONDS)
        except FAILURES as error:
            raise explained_read(error, self._address) from error

    async def fetch(self, sql: str, parameters: dict[str, Any]) -> Some:
        """The rows of a small read."""
        text, names = numbered(sql)
        try:
            rows = await self._raw.fetch(labelled(text, KIND), *(parameters[name] for name in names), timeout=SECONDS)
        except FAILURES as error:
            raise explained_read(error, self._address) from error
        return [tuple(row) for row in rows]

    async def rows(self, sql: str, parameters: dict[str, Any]) -> AsyncGenerator[Some, None]:
        """The rows of a statement."""
        text, names = numbered(sql)
        try:
            statement = await self._raw.prepare(labelled(text, KIND), timeout=SECONDS)
            cursor = await statement.cursor(*(parameters[name] for name in names), timeout=SECONDS)
            next_rows = asyncio.ensure_future(cursor.fetch(ROWS, timeout=SECONDS))
            try:
                while rows := await next_rows:
                    # The server reads on while these are written, since the request is sent before.
                    next_rows = asyncio.ensure_future(cursor.fetch(ROWS, timeout=SECONDS))
                    await asyncio.sleep(0)
                    yield [tuple(row) for row in rows]
            finally:
                next_rows.cancel()
        except FAILURES as error:
            raise explained_read(error, self._address) from error
