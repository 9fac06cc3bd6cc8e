"""Runs an export: reads rows from one snapshot of the archive and writes them."""

from collections.abc import Callable
from typing import NamedTuple

from gateway.export.destinations import STDOUT, destination
from gateway.export.formats import Format, formatter
from gateway.export.resources import Resource
from store.archive import snapshot
from store.engine.database import Database
from store.lists.filters import Filter
from store.lists.orders import Order
from store.queries.pages import Page


class ExportRequest(NamedTuple):
    """What to export, from which archive, where to, and for how long it may read from one snapshot."""

    database: Database
    resource: Resource
    filter: Filter | None
    order: Order
    format: Format
    to: str
    seconds: float


class ExportProgress(NamedTuple):
    """The rows and bytes written so far, and the total number of rows, if it is known."""

    rows: int
    size: int
    total: int | None


class RowsErased(Exception):
    """Rows of the export were erased from the archive while it ran."""


def export(request: ExportRequest, show: Callable[[ExportProgress], None]) -> ExportProgress:
    """Writes all rows, and calls ``show`` with the progress. The file appears at the end, if there was no error.

    Raises a StoreError if the archive can't be read or this takes too long, CannotWrite or PipeClosed if the rows can't
    be written, and RowsErased if rows were erased from the archive while the file was written.
    """
    page = Page(request.resource.spec.relation, order=request.order, filter=request.filter)
    with destination(request.to, request.database) as file, snapshot(request.database, request.seconds) as state:
        total = None if page.may_be_long else state.count(page)
        written = formatter(request.format, request.resource, file.write)
        done = 0
        show(ExportProgress(done, file.written, total))
        written.begin()
        for rows in written.rows(state, page):
            done += rows
            show(ExportProgress(done, file.written, total))
        written.end()
        if erased := state.erased_since(page):
            where = "are in its output" if request.to == STDOUT else "would be in the file, so it isn't written"
            raise RowsErased(
                f"During the export, {erased:,} of its rows were erased from the archive; they {where}. Export again."
            )
        return ExportProgress(done, file.written, total)
