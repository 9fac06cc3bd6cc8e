"""Copies one state of a database while others read and write it, by SQLite's online backup API.

The copy reads in one transaction, which blocks no reader and no writer (https://www.sqlite.org/backup.html). During
that transaction SQLite's log can't be emptied, so an erasure's cleaning has to wait. Therefore a copy starts over when
it notices that an erasure waits.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.errors import CopyDamaged
from store.sqlite.cleaning import ANY_UNCLOSED, PageList, pages_in_log
from store.sqlite.connections import BUSY_TIMEOUT_MS, READ_PRAGMAS, READING, reading
from store.sqlite.explanations import damaged
from store.sqlite.scrub import scrub

PAGES_AT_ONCE = 512
"""Pages between two checks for a waiting erasure: 2 MB, a few milliseconds."""
MAX_RESTARTS = 5
WAITING_SECONDS = 10.0
"""How long a copy waits for an erasure's cleaning before it starts over."""
PAUSE_SECONDS = 0.05

COUNTS = """
SELECT (SELECT count(*) FROM service), (SELECT count(*) FROM session), (SELECT count(*) FROM participant),
  (SELECT count(*) FROM interaction)
""".strip()
TARGET_PRAGMAS = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-2048;"
"""An interrupted copy is deleted, so it needs no journal; it is synced to disk once, when it is complete."""
ALONE_PRAGMAS = "PRAGMA journal_mode=DELETE; PRAGMA secure_delete=ON; PRAGMA foreign_keys=OFF;"

Progress = Callable[[int, int], None]
"""Called with the number of copied pages and of all pages; an exception that it raises ends the copy."""


class RowCounts(NamedTuple):
    """How many rows a database has."""

    services: int
    sessions: int
    participants: int
    interactions: int


class FinishedCopy(NamedTuple):
    """A finished copy: the counts of rows that it must have, and the pages that weren't scrubbed yet."""

    counts: RowCounts
    pages_to_clean: set[int]


class ErasureWaits(Exception):
    """An erasure is waiting for the copy's transaction to end."""


def copy(source: Path, target: Path, progress: Progress) -> FinishedCopy:
    """Copies the newest state of the open database ``source`` to ``target``, an empty file.

    It starts over for erasures up to MAX_RESTARTS times. The last attempt makes them wait, so that the copy is
    completed.
    """
    with closing(sqlite3.connect(reading(str(source)), **READING)) as watching:
        watching.executescript(READ_PRAGMAS)
        for _ in range(MAX_RESTARTS):
            _let_erasures_clean(watching)
            try:
                return _copy(source, target, progress, watching)
            except ErasureWaits:
                target.write_bytes(b"")
        return _copy(source, target, progress, None)


def counts_of(connection: sqlite3.Connection) -> RowCounts:
    """How many rows the database of ``connection`` has."""
    return RowCounts(*connection.execute(COUNTS).fetchone())


def check_whole(connection: sqlite3.Connection, path: Path, expected: RowCounts) -> None:
    """Raises CopyDamaged if the database at ``path`` fails SQLite's integrity check, or has other counts of rows."""
    ((finding,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if finding != "ok":
        raise CopyDamaged(str(damaged(path, " ".join(str(finding).split()))))
    found = counts_of(connection)
    if found != expected:
        raise CopyDamaged(f"Expected {_formatted(expected)} in {path}, but got {_formatted(found)}. Run it again.")


def clean_copy(connection: sqlite3.Connection, file: int, numbers: set[int]) -> None:
    """Scrubs these pages of a copy that nobody else has open, as cleaning does in the database.

    ``file`` is the open file of ``connection``.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        scrub(connection, file, numbers)
    finally:
        connection.execute("ROLLBACK")


def _copy(source: Path, target: Path, progress: Progress, watching: sqlite3.Connection | None) -> FinishedCopy:
    def each(status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)
        if watching is not None and _erasure_waits(watching):
            raise ErasureWaits

    with (
        closing(sqlite3.connect(reading(str(source)), **READING)) as read,
        closing(sqlite3.connect(target, isolation_level=None)) as write,
    ):
        read.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        write.executescript(TARGET_PRAGMAS)
        read.execute("BEGIN")
        counts = counts_of(read)
        # Read after the transaction has started: any page in the log at that time is still in the log or on the list.
        to_clean = pages_in_log(source.with_name(f"{source.name}-wal")) | PageList(source).read()
        read.backup(write, pages=PAGES_AT_ONCE, progress=each, sleep=0)
        return FinishedCopy(counts, to_clean)


def _erasure_waits(connection: sqlite3.Connection) -> bool:
    ((waits,),) = connection.execute(ANY_UNCLOSED).fetchall()
    return bool(waits)


def _let_erasures_clean(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + WAITING_SECONDS
    while _erasure_waits(connection) and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)


def _formatted(counts: RowCounts) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts._asdict().items())
