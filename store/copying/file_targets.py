"""A file as the target of a copy. It has another name until the copy is complete, so nobody opens it before.

Triggers are dropped meanwhile, and most indexes. In the end every page is scrubbed once (store/sqlite/scrub.py), so
no bytes remain where a later erasure wouldn't look.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import filelock
import msgspec

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
from store.copying.states import ArchiveState, FileState
from store.copying.tables import TABLES, Table, TableRows
from store.erasure.copies import FORGET, NOTE_SOURCE, name_of
from store.errors import DatabaseError, DatabaseOccupied
from store.postgresql.opening import UNFINISHED
from store.sqlite.cleaning import Cleaner
from store.sqlite.connections import WRITE_PRAGMAS
from store.sqlite.copies.unfinished import sync_to_disk, unfinished_copy
from store.sqlite.explanations import explained, refused_by_system
from store.sqlite.files import mode_of_writers, resolved
from store.sqlite.opening import lock_of, prepare
from store.sqlite.scrub import Pages, scrub
from store.twilio_mapping import now

CACHE_KB = 32_768
"""Also the memory in which an index is sorted, before the rest goes into a temporary file."""
WRITING = (
    f"{WRITE_PRAGMAS} PRAGMA locking_mode=EXCLUSIVE; PRAGMA foreign_keys=OFF; PRAGMA synchronous=NORMAL;"
    f"PRAGMA temp_store=FILE; PRAGMA cache_size=-{CACHE_KB}; PRAGMA wal_autocheckpoint=8192;"
)
IS_COPYING = f"SELECT count(*) FROM sqlite_schema WHERE name = '{UNFINISHED}'"
DEFINED = """
SELECT type, name, sql FROM sqlite_schema
WHERE type = 'trigger'
  OR type = 'index' AND sql IS NOT NULL AND tbl_name IN ('service', 'session', 'session_person', 'interaction')
ORDER BY rowid
""".strip()
"""The indexes of participants stay: they have personal data, which must not be in a temporary file."""
PAGES_AT_ONCE = 65_536
INTERRUPT_SECONDS = 0.05
"""How often a statement that was cancelled is interrupted."""


@asynccontextmanager
async def opened_file(target: Path) -> AsyncIterator["FileTarget"]:
    """The target of the name ``target`` to the end of the block. Raises a DatabaseError if it can't be used."""
    path = resolved(target)
    if path.exists():
        raise occupied(target)
    building = unfinished_copy(path)
    with _only_copy(building, target):
        pass  # Else this would wait for the other copy, and say that the file is locked.
    prepare(building, check_for_damage=False).close()
    with _only_copy(building, target), _temporary_files_in(path.parent):
        connection = sqlite3.connect(building, isolation_level=None, check_same_thread=False)
        with closing(connection):
            connection.executescript(WRITING)
            yield FileTarget(connection, building, path)


class FileTarget:
    """A Target in a file; see the Protocol."""

    def __init__(self, connection: sqlite3.Connection, path: Path, name: Path) -> None:
        self._connection, self._path, self._name = connection, path, name

    async def progress(self) -> CopyProgress | None:
        """Its progress."""
        with self._explained():
            if self._value(IS_COPYING):
                ((epoch, state, done),) = self._connection.execute(PROGRESS).fetchall()
                return CopyProgress(epoch, state, msgspec.json.decode(done))
            if self._value(ANY_ROW):  # It was killed after it was complete and before it got its name.
                raise DatabaseOccupied(
                    f"{self._path} has rows, but is not an unfinished copy. Delete it, and run the same command again."
                )
            return None

    async def begin(self, progress: CopyProgress) -> None:
        """Begins a copy."""
        with self._transaction():
            steps: list[str] = []
            if self._value(IS_COPYING):
                steps = msgspec.json.decode(self._value(STEPS))
                self._connection.execute(FINISH)
            defined = self._connection.execute(DEFINED).fetchall()
            for kind, name, _ in defined:
                self._connection.execute(f"DROP {kind} {name}")
            for table in reversed(TABLES):
                self._connection.execute(f"DELETE FROM {table.name}")
            for sql in (*EMPTY_FEED, CREATE):
                self._connection.execute(sql)
            steps = [*(sql for *_, sql in defined), *steps]
            values = {"done": dumped(progress.done), "steps": dumped(_in_order(steps)), "begun_at": now()}
            self._connection.execute(BEGIN, {"epoch": progress.epoch, "state": progress.state, **values})

    async def write(self, table: Table, rows: Sequence[TableRows], before: Done, done: Done) -> None:
        """Writes rows."""
        insert = f"INSERT INTO {table.name} ({', '.join(table.names)}) VALUES ({', '.join('?' * len(table.names))})"
        with self._transaction():
            self._note(NOTE, {"before": dumped(before), "done": dumped(done)})
            for some in rows:
                self._connection.executemany(insert, some.rows)

    async def set_archive(self, values: dict[str, Any]) -> None:
        """Writes the columns OF_ARCHIVE."""
        with self._transaction():
            self._connection.execute(SET_ARCHIVE, values)

    async def build(self) -> AsyncIterator[int]:
        """Makes the missing indexes, keys and triggers."""
        with self._explained():
            steps: list[str] = msgspec.json.decode(self._value(STEPS))
        while steps:
            yield len(steps)
            await self._in_thread(self._build, steps)
            steps = steps[1:]

    @asynccontextmanager
    async def state(self) -> AsyncIterator[ArchiveState]:
        """Its present state."""
        yield FileState(self._connection, self._path)

    async def discard(self) -> None:
        """Removes the file."""
        self._connection.close()
        for end in ("", "-wal", "-shm", "-to-clean"):
            self._path.with_name(f"{self._path.name}{end}").unlink(missing_ok=True)

    async def finish(self, source: str) -> AsyncIterator[tuple[int, int]]:
        """Ends the copy."""
        # This connection has the pages in its cache, and would write the scrubbed bytes back.
        self._connection.close()
        file = os.open(self._path, os.O_RDWR)
        try:
            with self._explained(), closing(Cleaner(self._path, file)) as cleaner:
                for done, last in self._scrub(file):
                    yield done, last
                if reason := self._become_archive(cleaner, source):
                    raise DatabaseError(reason)
                cleaner.forget_list()
        finally:
            os.close(file)
        try:
            self._put_in_place()
        except OSError as error:
            raise refused_by_system(error, self._name) from error

    def _scrub(self, file: int) -> Iterator[tuple[int, int]]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.executescript(WRITE_PRAGMAS)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            last = Pages(file).last
            for first in range(1, last + 1, PAGES_AT_ONCE):
                connection.execute("BEGIN IMMEDIATE")
                pages = range(first, min(first + PAGES_AT_ONCE, last + 1))
                damaged = scrub(connection, file, pages)
                connection.execute("ROLLBACK")
                if damaged:
                    raise DatabaseError(f"The page {damaged[0]} of {self._path} is damaged. Delete it and report this.")
                yield pages[-1], last

    def _become_archive(self, cleaner: Cleaner, source: str) -> str | None:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.executescript(WRITE_PRAGMAS)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(FORGET, {"target": name_of(self._name)})
            connection.execute(NOTE_SOURCE, {"target": source, "at": now()})
            connection.execute(FINISH)
            connection.execute("COMMIT")
        return cleaner.clean()

    def _put_in_place(self) -> None:
        sync_to_disk(self._path)
        try:
            os.link(self._path, self._name)  # Unlike a rename, this replaces nothing.
        except FileExistsError:
            raise occupied(self._name) from None
        self._path.unlink()
        sync_to_disk(self._name.parent)

    def _build(self, steps: list[str]) -> None:
        with self._transaction():
            self._connection.execute(steps[0])
            self._note(NOTE_STEPS, {"before": dumped(steps), "steps": dumped(steps[1:])})

    async def _in_thread(self, work: Any, *arguments: Any) -> None:
        task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done():  # Its statement may not have begun yet.
                self._connection.interrupt()
                await asyncio.wait([task], timeout=INTERRUPT_SECONDS)
            task.exception()  # It says that it was interrupted.
            raise

    def _value(self, sql: str) -> Any:
        ((value,),) = self._connection.execute(sql).fetchall()
        return value

    def _note(self, sql: str, values: dict[str, Any]) -> None:
        if self._connection.execute(sql, values).rowcount != 1:
            raise overtaken(self._name)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(error, self._path) from error
        except OSError as error:
            raise refused_by_system(error, self._path) from error


def _in_order(steps: Sequence[str]) -> list[str]:
    """Indexes, then triggers."""
    return sorted(steps, key=lambda sql: sql.startswith("CREATE TRIGGER"))


@contextmanager
def _only_copy(building: Path, target: Path) -> Iterator[None]:
    path = lock_of(building)
    try:
        with filelock.FileLock(path, 0, mode_of_writers(building, path)):
            yield
            if not building.exists():
                path.unlink(missing_ok=True)
    except filelock.Timeout as error:
        raise overtaken(target) from error


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """SQLite sorts indexes in temporary files in ``folder``, which needs room for the archive anyway.

    See https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations.
    """
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before
