"""Runs an export: reads one state of the archive, and writes its rows as they come."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.export.destinations import STDOUT, destination
from gateway.export.formats import Format, formatter
from gateway.export.resources import Resource
from store.exports.snapshots import snapshot
from store.lists.filters import Filter
from store.lists.orders import Order
from store.sqlite.statements.pages import Page


class Wanted(NamedTuple):
    """What is exported, where from, where to, and how long it may read one state of the archive."""

    database: Path
    resource: Resource
    filter: Filter | None
    order: Order
    format: Format
    to: str
    seconds: float


class Exported(NamedTuple):
    """The rows and bytes that were written, so far or in all, and the rows there are, if they were counted."""

    rows: int
    size: int
    total: int | None


class ErasedMeanwhile(Exception):
    """Rows of the export were erased from the archive while it ran."""


def export(wanted: Wanted, show: Callable[[Exported], None]) -> Exported:
    """Writes all rows; ``show`` is told how far it is. The file appears at the end, if all went well.

    Raises a StoreError where the archive can't be read or takes too long, CannotWrite and ReaderGone where the rows
    can't be written, and ErasedMeanwhile where the file would keep rows that were erased while it was written.
    """
    page = Page(wanted.resource.spec.relation, order=wanted.order, filter=wanted.filter)
    with destination(wanted.to, wanted.database) as file, snapshot(wanted.database, wanted.seconds) as state:
        total = None if page.may_be_long else state.count(page)
        written = formatter(wanted.format, wanted.resource, file.write)
        done = 0
        show(Exported(done, file.written, total))
        written.begin()
        for rows in written.rows(state, page):
            done += rows
            show(Exported(done, file.written, total))
        written.end()
        if erased := state.erased_since(page):
            kept = "went out with it" if wanted.to == STDOUT else "would be in it, so it was not written"
            raise ErasedMeanwhile(
                f"While the export ran, {erased:,} of its rows were erased from the archive; they {kept}. Run it again."
            )
        return Exported(done, file.written, total)
