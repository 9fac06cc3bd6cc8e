"""A snapshot: one state of the archive, read in a thread of its own, for as long as it takes, up to a limit.

While a snapshot is open, SQLite's log can't be emptied: it grows, and an erasure stays pending
(https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files). So a snapshot ends after ``seconds``, even if
nobody takes the rows, as when a pipe is not read. To read from a copy of the archive instead would be no better: to
make the copy holds a snapshot for as long, and the copy would be one more file with content.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from store.errors import SnapshotExpired
from store.exports.columns import Reference
from store.exports.statements import count_listed_sql, lines_sql, rows_sql
from store.lists.orders import Position
from store.sqlite.connections import BUSY_TIMEOUT_MS, READING
from store.sqlite.explanations import explained
from store.sqlite.files import resolved
from store.sqlite.opening import prepare, read_only_uri
from store.sqlite.statements.pages import Count, Page

T = TypeVar("T")

PRAGMAS = f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}; PRAGMA cache_size=-8192; PRAGMA query_only=ON;"
"""No part of the file is mapped into memory: this reads each page about once, and mapped pages count as memory used."""
ROWS_AT_ONCE = 250
SID_LENGTH = 34
BEGIN = "BEGIN"
FIRST_READ = "SELECT count(*) FROM deletion WHERE erased_at IS NOT NULL"
"""A transaction reads the state as of its first read; this one also says how much was erased by then."""
ERASED = "SELECT sid FROM deletion WHERE erased_at IS NOT NULL"


class Snapshot:
    """One state of the archive. ``snapshot`` opens one."""

    def __init__(self, path: Path, address: str, seconds: float) -> None:
        self._path, self._address, self._seconds = path, address, seconds
        self._is_over = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._connection = sqlite3.connect(address, **READING, check_same_thread=False)
        self._timer = threading.Timer(seconds, self.expire)
        self._timer.daemon = True

    def begin(self) -> None:
        """Begins to read; what is written from now on is not seen."""
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
        ((payload,),) = self._run(self._fetch, query.sql, query.parameters([None])).result()
        return query.answer(payload, [None])[0]

    def lines(self, page: Page[Any], line: str, references: Iterable[Reference]) -> Iterator[tuple[bytes, int]]:
        """All rows of ``page`` as the SQL ``line`` writes each: pieces in bytes, and how many rows each has.

        Raises SnapshotExpired at the snapshot's limit; so does ``rows``.
        """

        def read(page: Page[Any]) -> tuple[tuple[bytes, int], Position | None]:
            ((piece, count, place),) = self._fetch(lines_sql(page, line, references), page.bound())
            return (piece, count), place and Position(place[:-SID_LENGTH], place[-SID_LENGTH:])

        return self._pages(page, read)

    def rows(self, page: Page[Any], values: Sequence[str], references: Iterable[Reference]) -> Iterator[list[Any]]:
        """The SQL ``values`` of all rows of ``page``, some rows at a time; each row has its position after them."""

        def read(page: Page[Any]) -> tuple[list[Any], Position | None]:
            rows = self._fetch(rows_sql(page, values, references), page.bound())
            return rows, Position(*rows[-1][-2:]) if rows else None

        return self._pages(page, read)

    def _pages(self, page: Page[Any], read: Callable[[Page[Any]], tuple[T, Position | None]]) -> Iterator[T]:
        """What ``read`` returns of each page, up to one without a position. While one is used, the next is read."""
        page = replace(page, limit=ROWS_AT_ONCE)
        ahead = self._run(read, page)
        while (found := ahead.result())[1] is not None:
            ahead = self._run(read, replace(page, after=found[1]))
            yield found[0]

    def erased_since(self, page: Page[Any]) -> int:
        """How many rows of ``page``, as it is in this state, were erased from the archive meanwhile."""
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

    def _run(self, work: Callable[..., T], *arguments: Any) -> "Future[T]":
        return self._thread.submit(self._in_thread, work, *arguments)

    def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._is_over:
            raise self._expired()
        try:
            return work(*arguments)
        except sqlite3.Error as error:
            if self._is_over:
                raise self._expired() from error
            raise explained(error, self._path) from error

    def _expired(self) -> SnapshotExpired:
        return SnapshotExpired(
            f"The export was stopped after {self._seconds:g} seconds, because an erasure would have to wait for it. "
            "Export less at once, by filters; take the rows from the pipe faster; or raise --export-seconds."
        )

    def wait(self) -> None:
        """Waits until the thread has nothing more to do."""
        self._thread.submit(lambda: None).result()

    def expire(self) -> None:
        """Ends the snapshot; whoever reads on gets SnapshotExpired."""
        self._is_over = True
        self._connection.interrupt()
        with suppress(RuntimeError):  # The snapshot is being closed at this moment.
            self._thread.submit(self._end)

    def _end(self) -> None:
        self._connection.rollback()


@contextmanager
def snapshot(path: Path, seconds: float) -> Iterator[Snapshot]:
    """The newest state of the archive at ``path``, for ``seconds`` at most; the file may be one that can't be written.

    Changes nothing, except that it migrates an older database if it may write it. Raises a DatabaseError if the
    database is missing or can't be used.
    """
    path = resolved(path)
    address = read_only_uri(path)
    if address is None:
        prepare(path, check_for_damage=False, create=False).close()
        address = read_only_uri(path)
    if address is None:
        raise TypeError(f"{path} was migrated, but is of an older version still.")
    taken = Snapshot(path, address, seconds)
    try:
        try:
            taken.begin()
        except sqlite3.Error as error:
            raise explained(error, path) from error
        yield taken
    finally:
        taken.close()
