"""Snapshots: one state of an archive, for a limited time, whatever the engine.

While a snapshot is open, erased rows stay readable in it, and their bytes can't be removed from the disk. So it ends
after a time, even if nobody reads the rows, for example from a pipe.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from store.errors import SnapshotExpired
from store.exports.columns import Reference
from store.exports.lines import Line
from store.queries.pages import Page

ROWS_PER_READ = 1_000
"""Where a filter is by facets, each read takes SQLite three milliseconds more than its rows."""
FIRST_READ = "SELECT count(*) FROM deletion WHERE erased_at IS NOT NULL"
"""A transaction sees the state at its first read; this one also returns how much was erased by then."""
ERASED = "SELECT sid FROM deletion WHERE erased_at IS NOT NULL"


class Snapshot(Protocol):
    """One state of the archive. Reading it raises SnapshotExpired when its time is over."""

    def count(self, page: Page[Any]) -> int:
        """The number of rows of ``page``."""
        ...

    def lines(self, page: Page[Any], line: Line, references: Sequence[Reference]) -> Iterator[tuple[bytes, int]]:
        """All rows of ``page``, each as a line: pieces of bytes, each with its number of rows."""
        ...

    def rows(self, page: Page[Any], values: Sequence[str], references: Sequence[Reference]) -> Iterator[list[Any]]:
        """The SQL expressions ``values`` of all rows of ``page``, in pieces; a row may have more after these."""
        ...

    def erased_since(self, page: Page[Any]) -> int:
        """How many rows of ``page`` in this snapshot have been erased from the archive since it began."""
        ...

    def expire(self) -> None:
        """Ends the snapshot; further reads raise SnapshotExpired."""
        ...

    def wait(self) -> None:
        """Waits until the snapshot's thread is idle."""
        ...


def expired(seconds: float) -> SnapshotExpired:
    """The error of a snapshot whose time is over."""
    return SnapshotExpired(
        f"The export was stopped after {seconds:g} seconds, because an erasure would have to wait for it. "
        "Export less at once, by filters; read the pipe faster; or raise --export-seconds."
    )


def joins(table: str, references: Iterable[Reference]) -> str:
    """The SQL that joins the rows that each row of ``table`` refers to."""
    return "".join(
        f"\nLEFT JOIN {reference.record.table} AS {reference.alias} "
        f"ON {reference.alias}.sid = {table}.{reference.column}"
        for reference in references
    )
