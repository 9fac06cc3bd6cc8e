"""How connections to SQLite are opened, their pragmas, and SQL expressions that return rows as JSON."""

import logging
import sqlite3
from collections.abc import Iterable
from typing import Any

import aiosqlite

APPLICATION_ID = 0x50785967
"""``PRAGMA application_id`` of Proxygraph's files: ASCII ``PxYg``, at offset 68 of the file's header."""

# aiosqlite's debug lines quote bound values, so names and messages. No log may contain these, at any level.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)
logging.getLogger("aiosqlite").addFilter(lambda record: record.levelno >= logging.WARNING)

BUSY_TIMEOUT_MS = 5_000
WAL_LIMIT_BYTES = 64 * 2**20
"""A write that makes the log longer than this is followed by a checkpoint."""

MAPPED_BYTES = 2**31 - 2**16
"""How much of the file SQLite maps into memory at most. Reading a mapped page takes no system call."""

COMMON_PRAGMAS = f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}; PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;"
READ_PRAGMAS = f"{COMMON_PRAGMAS} PRAGMA mmap_size={MAPPED_BYTES}; PRAGMA query_only=ON;"
READING: dict[str, Any] = {"uri": True, "isolation_level": None, "cached_statements": 128}
"""The arguments of ``sqlite3.connect`` for a read connection, whose address ``reading`` returns.

The statement cache is small because clients decide which statements plans have, and one can take 250 kB.
"""
WRITE_PRAGMAS = (
    COMMON_PRAGMAS + "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
    "PRAGMA wal_autocheckpoint=0;"
)


COMMIT_COUNT = "PRAGMA data_version"
"""A number that changes when another connection commits (https://www.sqlite.org/pragma.html#pragma_data_version)."""


def has_wal_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite can corrupt a database when a checkpoint races with a writer.

    Versions 3.7.0 to 3.51.2 can, except for the backports 3.44.6 and 3.50.7 and their successors
    (https://www.sqlite.org/wal.html#walresetbug).
    """
    backported = (3, 44, 6) <= version < (3, 45, 0) or (3, 50, 7) <= version < (3, 51, 0)
    return (3, 7, 0) <= version < (3, 51, 3) and not backported


def caution(path: str) -> str | None:
    """What the operator of the file at ``path`` should know about this version of SQLite; None if there is nothing."""
    if not has_wal_reset_bug():
        return None
    return (
        f"SQLite {sqlite3.sqlite_version} can corrupt a database when a checkpoint races with a write (fixed in "
        "3.51.3, 3.50.7 and 3.44.6); here only the writer takes checkpoints, under its lock. Let no other program "
        f"write to {path} while it is served."
    )


def reading(path: str, immutable: bool = False) -> str:
    """The URI that opens the database read-only; such a connection never checkpoints either.

    ``immutable`` tells SQLite that nobody writes the file, so it takes no lock and needs no file beside it.
    """
    return f"file:{_quoted(path)}?mode=ro{'&immutable=1' if immutable else ''}"


async def connect_writer(path: str) -> aiosqlite.Connection:
    """Opens the write connection, which never checkpoints by itself."""
    connection = await aiosqlite.connect(path, isolation_level=None, cached_statements=128)
    await connection.executescript(WRITE_PRAGMAS)
    return connection


def rows_as_json(columns: Iterable[str]) -> str:
    """The SELECT expression that returns all rows as one JSON array of arrays, in UTF-8.

    So the result is always one row. A thread that fetches many rows beside a busy event loop would have to release and
    reacquire the interpreter lock for each.
    """
    return f"CAST(json_group_array(json_array({', '.join(columns)})) AS BLOB)"


def rows_as_json_text(columns: Iterable[str]) -> str:
    """The same, but as text that can be concatenated into a longer array: [[…],[…]]."""
    return f"'[' || coalesce(group_concat(json_array({', '.join(columns)})), '') || ']'"


def texts_as_json(expression: str) -> str:
    """The SELECT expression that joins JSON texts, one from each row, into one array in UTF-8."""
    return f"CAST('[' || coalesce(group_concat({expression}), '') || ']' AS BLOB)"


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
