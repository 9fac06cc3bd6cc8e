"""SQLite's snapshot: a read transaction in its own thread, for a limited time.

While a snapshot is open, SQLite's log can't be emptied: it grows, and an erasure stays pending
(https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files). So a snapshot ends after ``seconds``, even if
nobody reads the rows, for example from a pipe. A copy of the archive would not help: making it needs a snapshot for
as long, and it would be another file with content.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from store.engine.sql import text_of
from store.exports import snapshots
from store.exports.columns import Reference
from store.exports.lines import Line
from store.exports.snapshots import ERASED, FIRST_READ, expired
from store.lists.orders import Position
from store.queries.pages import Count, Page
from store.sqlite.connections import BUSY_TIMEOUT_MS, READING
from store.sqlite.dialect import DIALECT
from store.sqlite.explanations import explained
from store.sqlite.exports.statements import count_listed_sql, lines_sql, rows_sql
from store.sqlite.files import resolved
from store.sqlite.opening import prepare, read_only_uri

T = TypeVar("T")

PRAGMAS = f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}; PRAGMA cache_size=-8192; PRAGMA query_only=ON;"
"""No memory mapping: an export reads each page about once, and mapped pages count as used memory."""
SID_LENGTH = 34
BEGIN = "BEGIN"


class SQLiteSnapshot:
    """One state of the archive, opened by ``snapshot``; see store.exports.snapshots.Snapshot."""

    def __init__(self, path: Path, address: str, seconds: float) -> None:
        self._path, self._address, self._seconds = path, address, seconds
        self._has_expired = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._connection = sqlite3.connect(address, **READING, check_same_thread=False)
        self._timer = threading.Timer(seconds, self.expire)
        self._timer.daemon = True

    def begin(self) -> None:
        """Begins the read transaction; it sees nothing that is written later."""
        self._connection.executescript(PRAGMAS)
        self._connection.execute(BEGIN)
        ((self._erased,),) = self._connection.execute(FIRST_READ).fetchall()
        self._timer.start()

    def close(self) -> None:
        """Ends the snapshot; a statement that still runs is interrupted."""
        self._timer.cancel()
        self._connection.interrupt()
        self._thread.shutdown(cancel_futures=True)
        self._connection.close()

    def count(self, page: Page[Any]) -> int:
        """The number of rows of ``page``."""
        query = Count(page.relation, page.filter)
        ((payload,),) = self._run(self._fetch, text_of(query.sql, DIALECT), query.parameters([None])).result()
        return query.answer(payload, [None])[0]

    def lines(self, page: Page[Any], line: Line, references: Sequence[Reference]) -> Iterator[tuple[bytes, int]]:
        """All rows of ``page``, each as a line: pieces of bytes, each with its number of rows."""

        def read(page: Page[Any]) -> tuple[tuple[bytes, int], Position | None]:
            ((piece, count, place),) = self._fetch(lines_sql(page, line, references), page.bound())
            return (piece, count), place and Position(place[:-SID_LENGTH], place[-SID_LENGTH:])

        return self._pages(page, read)

    def rows(self, page: Page[Any], values: Sequence[str], references: Sequence[Reference]) -> Iterator[list[Any]]:
        """The SQL expressions ``values`` of all rows of ``page``, in pieces; each row ends with its position."""

        def read(page: Page[Any]) -> tuple[list[Any], Position | None]:
            rows = self._fetch(rows_sql(page, values, references), page.bound())
            return rows, Position(*rows[-1][-2:]) if rows else None

        return self._pages(page, read)

    def _pages(self, page: Page[Any], read: Callable[[Page[Any]], tuple[T, Position | None]]) -> Iterator[T]:
        """The results of ``read`` for each page, up to one without a position; the next page is read in advance."""
        page = replace(page, limit=snapshots.ROWS_PER_READ)
        ahead = self._run(read, page)
        while (found := ahead.result())[1] is not None:
            ahead = self._run(read, replace(page, after=found[1]))
            yield found[0]

    def erased_since(self, page: Page[Any]) -> int:
        """How many rows of ``page`` in this snapshot have been erased from the archive since it began."""
        with closing(sqlite3.connect(self._address, **READING)) as newest:
            ((erased,),) = newest.execute(FIRST_READ).fetchall()
            if erased == self._erased:
                return 0
            now = {sid for (sid,) in newest.execute(ERASED)}
        before = {sid for (sid,) in self._run(self._fetch, ERASED, {}).result()}
        parameters = page.bound() | {"sids": msgspec.json.encode(sorted(now - before)).decode()}
        ((count,),) = self._run(self._fetch, count_listed_sql(page), parameters).result()
        return int(count)

    def _fetch(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        rows: list[Any] = self._connection.execute(sql, parameters).fetchall()
        return rows

    def _run(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        return self._thread.submit(self._in_thread, function, *arguments)

    def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        if self._has_expired:
            raise expired(self._seconds)
        try:
            return function(*arguments)
        except sqlite3.Error as error:
            if self._has_expired:
                raise expired(self._seconds) from error
            raise explained(error, self._path) from error

    def wait(self) -> None:
        """Waits until the thread is idle."""
        self._thread.submit(lambda: None).result()

    def expire(self) -> None:
        """Ends the snapshot; further reads raise SnapshotExpired."""
        self._has_expired = True
        self._connection.interrupt()
        with suppress(RuntimeError):  # The snapshot is being closed at this moment.
            self._thread.submit(self._end)

    def _end(self) -> None:
        self._connection.rollback()


@contextmanager
def snapshot_of_file(path: Path, seconds: float) -> Iterator[SQLiteSnapshot]:
    """The newest state of the archive at ``path``, for at most ``seconds``; the file may be read-only.

    Changes nothing, except that it migrates an older database if it can write it. Raises a DatabaseError if the
    database is missing or can't be used.
    """
    path = resolved(path)
    address = read_only_uri(path)
    if address is None:
        prepare(path, check_for_damage=False, create=False).close()
        address = read_only_uri(path)
    if address is None:
        raise TypeError(f"{path} was migrated, but still has an older version.")
    opened = SQLiteSnapshot(path, address, seconds)
    try:
        try:
            opened.begin()
        except sqlite3.Error as error:
            raise explained(error, path) from error
        yield opened
    finally:
        opened.close()
