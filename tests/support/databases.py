"""Databases for the tests, on either engine: new ones, copies, and what stands in their tables."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from shutil import copy
from typing import Any, Protocol

import pytest

import postgresql
from asking_postgresql import asked
from checkout import TESTS
from store.archive import open_archive
from store.engine.database import Address, Database
from store.engine.protocols import Archive

SQLITE, POSTGRESQL = ENGINES = ("sqlite", "postgresql")

ROOM_OF_POSTGRESQL = TESTS / "store" / "postgresql"
WITHOUT_THE_STORE = {TESTS / "gateway" / room for room in ("transport", "http", "limits", "graphiql")}
"""Tests of what is in front of the store: whichever engine is behind it, one run tells the same."""


class New(Protocol):
    """Makes databases, which are gone after the tests: empty ones, or copies of a closed one."""

    def __call__(self, source: Database | None = None) -> Database: ...


def filled(database: Database, fill: Callable[[Archive], Awaitable[None]]) -> Database:
    """Makes an archive in an empty database, fills and closes it."""

    async def made() -> None:
        async with open_archive(database) as archive:
            await fill(archive)

    asyncio.run(made())
    return database


@contextmanager
def new_files(folder: Path) -> Iterator[New]:
    """Makes files in ``folder``; an empty database is a file that doesn't exist."""
    numbers = count(1)

    def new(source: Database | None = None) -> Path:
        number = next(numbers)
        file = folder / ("archive.db" if number == 1 else f"archive{number}.db")
        if isinstance(source, Path):
            copy(source, file)
        return file

    yield new


@contextmanager
def new_addresses(cluster: postgresql.Cluster) -> Iterator[New]:
    """Makes databases in ``cluster``, and drops them at the end of the block."""
    made: list[Address] = []

    def new(source: Database | None = None) -> Address:
        name = cluster.database(source.name) if isinstance(source, Address) else cluster.database()
        made.append(Address(cluster.url(name)))
        return made[-1]

    yield new
    for each in made:
        cluster.drop(each.name)


def rows(database: Database, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement that both engines understand; its parameters are ``$1``, ``$2`` …

    A truth value is 0 or 1 on SQLite; Python's True equals 1.
    """
    if isinstance(database, Address):
        return [tuple(row) for row in asked("fetch", sql, *values, dsn=database.url)]
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, _numbered(values)).fetchall()


def value(database: Database, sql: str, *values: Any) -> Any:
    """The only value of the only row of a statement."""
    ((found,),) = rows(database, sql, *values)
    return found


def change(database: Database, sql: str, *values: Any) -> None:
    """Runs a statement that writes, past the archive's own writer."""
    if isinstance(database, Address):
        asked("execute", sql, *values, dsn=database.url)
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(sql, _numbered(values))


def content(database: Database, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of these tables, in the order of their bytes."""
    return {table: sorted(rows(database, f"SELECT * FROM {table}"), key=repr) for table in tables}


def held(database: Database) -> bytes:
    """All bytes of SQLite's files, or what stands in PostgreSQL's tables, whose files have tests of their own."""
    if isinstance(database, Path):
        files = sorted(file for file in database.parent.iterdir() if file.name.startswith(database.name))
        return b"".join(file.read_bytes() for file in files if file.is_file())
    return repr(content(database, *(f'"{name}"' for name in tables(database)))).encode()


def tables(database: Database) -> list[str]:
    """The names of all its tables, in order."""
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1"
    if isinstance(database, Address):
        sql = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    return [name for (name,) in rows(database, sql)]


def is_empty(database: Database) -> bool:
    """Whether no archive was made there."""
    return not database.exists() if isinstance(database, Path) else held(database) == repr({}).encode()


def engine_of(item: pytest.Item) -> str | None:
    """The engine that a test runs on: SQLite if it needs no database, and none if it isn't for its engine."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    of_postgresql = item.get_closest_marker("of_postgresql") or ROOM_OF_POSTGRESQL in item.path.parents
    needs_cluster = of_postgresql or "postgresql_cluster" in getattr(item, "fixturenames", ())
    engine = str(parameters.get("engine") or (POSTGRESQL if needs_cluster else SQLITE))
    of_a_file = item.get_closest_marker("of_a_file") or item.path.parent in WITHOUT_THE_STORE
    return None if engine == POSTGRESQL and of_a_file and not needs_cluster else engine


def _numbered(values: tuple[Any, ...]) -> dict[str, Any]:
    # ``$1`` is a named parameter to SQLite, of the name 1.
    return {str(number): each for number, each in enumerate(values, 1)}
