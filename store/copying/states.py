"""One state of an archive, of either engine, in which a copy reads table after table."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Protocol

from store.archive import read_archive
from store.engine.database import Database
from store.postgresql.connections import Connection, close, connect
from store.sqlite.connections import READING, reading
from store.sqlite.explanations import explained
from store.sqlite.files import resolved

UNLIMITED = {
    "default_transaction_read_only": "on",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
}
"""A copy reads for as long as it takes."""


class State(Protocol):
    """Reads of one state."""

    async def fetch(self, sql: str, parameters: dict[str, Any]) -> list[Any]:
        """The rows of a statement."""
        ...


@asynccontextmanager
async def state_of(database: Database) -> AsyncIterator[State]:
    """The newest state of the archive in ``database``, until the end of the block. An older archive is migrated first.

    Raises a DatabaseError if the database is missing or can't be used.
    """
    async with read_archive(database):
        pass
    if isinstance(database, Path):
        path = resolved(database)
        with closing(sqlite3.connect(reading(str(path)), **READING)) as file:
            file.execute("BEGIN")
            yield _FileState(file, path)
        return
    raw = await connect(database, UNLIMITED)
    try:
        connection = Connection(raw, database)
        await connection.begin()
        yield connection
    finally:
        await close(raw)


class _FileState:
    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    async def fetch(self, sql: str, parameters: dict[str, Any]) -> list[Any]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise explained(error, self._path) from error
