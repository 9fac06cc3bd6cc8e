"""The plan step of a connection field: reads each parent's page and count, as far as selected, and writes the JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any, NamedTuple

from strawberry import UNSET

from resolvers.arguments.cursors import fingerprint, fingerprints, position_of
from resolvers.arguments.filters import content_conditions
from resolvers.arguments.paging import page_size
from resolvers.errors import BadInput
from resolvers.plans.connection_members import ConnectionPage, Write
from resolvers.plans.inputs import Evaluate, Fallback
from resolvers.plans.list_steps import (
    nested_subqueries,
    page_arrays,
    page_rows,
    subqueries_of,
    write_page_arrays,
)
from resolvers.plans.steps import Json, Piece, Pieces, Run, Shape
from resolvers.resolver_specs import ConnectionSpec
from store.lists.orders import BY_DATE_CREATED, NEVER
from store.plans.reads import Fingerprints, PageArray
from store.plans.rows import FixedText, RowText
from store.plans.subqueries import Subquery
from store.queries.pages import Count, Page

POSITION_BYTES = len(f'{NEVER}.KI{"0" * 32}"')
"""The length of a cursor after its fingerprint and a dot: a date and a SID, both of fixed width, and a quote."""
NO_ENDS = (b"null", b"null")
NO_ROWS = Shape(RowText(FixedText("")), ())
"""The shape of a page without rows."""


class Selected(NamedTuple):
    """The selection in a connection: its members, each with the text before its value, and the text at the end.

    ``shapes`` are the shapes of its nodes and edges. ``around`` is the text around the rows: see ``text_around``. The
    flags say what is needed: rows, cursors in them, page information, the count.
    """

    members: tuple[tuple[bytes, Write], ...]
    end: bytes
    around: tuple[Sequence[bytes], Sequence[bytes]] | None
    shapes: tuple[Shape, ...]
    rows: bool
    cursors: bool
    info: bool
    total: bool


class RequestedPage(NamedTuple):
    """What the arguments ask for: a page of up to ``size`` rows; the cursors are as the client gave them."""

    page: Page[Any]
    size: int
    after: str | None
    before: str | None


class ConnectionStep(NamedTuple):
    """The connections of one field, for any number of parents; FORBIDDEN is for the ordinary path to answer."""

    spec: ConnectionSpec
    arguments: dict[str, Evaluate]
    selected: Selected
    may_read_content: bool

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """The JSON of each parent's connection; raises Fallback if an argument is invalid."""
        if not keys:
            return {}
        selected, requested = self.selected, self._requested(run, keys)
        if selected.rows and self._can_be_one_text(requested):
            subqueries = subqueries_of(run, requested.page, selected.shapes[0])
            if subqueries is not None:
                return await self._page_arrays(run, requested, keys, subqueries)
        if not selected.rows:
            counts = await self._counts(run, requested, keys) if selected.total else repeat(0)
            return {
                key: self._written(ConnectionPage((), NO_ENDS, False, False, count, run.bounds.count_cap))
                for key, count in zip(keys, counts, strict=False)
            }
        return await self._write_pages(run, requested, keys)

    def subquery(self, run: Run, nullable: bool) -> Subquery | None:
        """A forward page from the start, if only its rows and their number are selected, and the rows can be filled.

        Only an engine that nests subqueries can count in one.
        """
        selected = self.selected
        if not selected.around or selected.cursors or (selected.total and not run.reader.nests):
            return None
        try:
            requested = self._requested(run, ())
        except Fallback:  # It matters only if there is a parent.
            return None
        if requested.page.backwards or requested.after is not None or requested.before is not None:
            return None
        (shape,) = selected.shapes or (NO_ROWS,)
        page = requested.page if selected.rows else replace(requested.page, limit=0)
        nested = nested_subqueries(run, page, shape)
        if nested is None:
            return None
        before, behind = [[piece.decode() for piece in pieces] for pieces in selected.around]
        return Subquery(page, shape.row, before, behind, nested, self._count(run, page) if selected.total else None)

    async def _page_arrays(
        self,
        run: Run,
        requested: RequestedPage,
        keys: Sequence[Any],
        subqueries: Sequence[Subquery],
    ) -> Json:
        selected, page, cap = self.selected, requested.page, run.bounds.count_cap
        count, counts = await self._counted(run, requested, keys)
        of = self._fingerprints(page, keys) if selected.cursors else {}
        lists = await page_arrays(run, page, selected.shapes[0], keys, of, subqueries, selected.info, count)
        if selected.around and not selected.total:
            (before,), (behind,) = selected.around
            return {key: (before, array.rows, behind) for key, array in lists.items()}
        connections = {}
        for (key, array), number in zip(lists.items(), counts, strict=False):
            total = array.total if count else number
            shown = ConnectionPage(((array.rows,),), NO_ENDS, False, False, total, cap)
            if selected.info:
                prefix = selected.shapes[0].row.row_prefix_of(of[key]).encode()
                shown = _edges_page(array, prefix, len(of[key]) + 2, requested, shown)
            connections[key] = self._written(shown)
        return connections

    def _can_be_one_text(self, requested: RequestedPage) -> bool:
        """Whether the engine can write a page as one text, provided that it can fill the placeholders in its rows."""
        selected = self.selected
        if len(selected.shapes) != 1 or requested.page.backwards:
            return False
        return not selected.info or bool(selected.shapes[0].row.row_prefix)

    async def _write_pages(self, run: Run, requested: RequestedPage, keys: Sequence[Any]) -> Json:
        selected, page, size = self.selected, requested.page, requested.size
        of = self._fingerprints(page, keys) if selected.cursors or selected.info else {}
        count, counts = await self._counted(run, requested, keys)
        pages, total = await page_rows(run, page, selected.shapes, keys, of, count)
        whole = [len(rows) for rows in pages]
        if selected.info:
            pages = [rows[max(len(rows) - size, 0) :] if page.backwards else rows[:size] for rows in pages]
        texts, start = [], 0
        for shape in selected.shapes:
            texts.append(await write_page_arrays(run, pages, shape, start, of.values() if of else repeat("")))
            start += shape.row.width
        after, before, cap = requested.after is not None, requested.before is not None, run.bounds.count_cap
        connections, reader = {}, run.reader
        for key, rows, length, number, *written in zip(keys, pages, whole, counts, *texts, strict=False):
            more = length > size
            has_next_page, has_previous_page = (before, more) if page.backwards else (more, after)
            ends = _ends(of[key], rows) if selected.info and rows else NO_ENDS
            connections[key] = self._written(
                ConnectionPage(written, ends, has_next_page, has_previous_page, total if count else number, cap)
            )
            if reader.is_slice_over():
                await reader.yield_to_loop()
        return connections

    def _fingerprints(self, page: Page[Any], keys: Sequence[Any]) -> Fingerprints:
        of = fingerprints(self.spec.relation.name, page.order, page.filter)
        return {key: of(key) for key in keys}

    def _written(self, shown: ConnectionPage) -> Pieces:
        pieces: list[Piece] = []
        for before, write in self.selected.members:
            pieces.append(before)
            pieces += write(shown)
        pieces.append(self.selected.end)
        return pieces

    def _requested(self, run: Run, keys: Sequence[Any]) -> RequestedPage:
        spec, given = self.spec, {name: read(run.values) for name, read in self.arguments.items()}
        try:
            size, backwards = page_size(_given(given, "first"), _given(given, "last"), run.bounds.max_page_size)
            order = spec.order(_given(given, "order_by")) if spec.order else BY_DATE_CREATED
            chosen = spec.filter(_given(given, "filter")) if spec.filter else None
            if not self.may_read_content and content_conditions(chosen):
                raise Fallback
            after, before = _given(given, "after"), _given(given, "before")
            page = Page(spec.relation, size + self.selected.info, backwards, None, None, order, chosen)
            for key in keys if after is not None or before is not None else ():
                of = fingerprint(spec.relation.name, key, order, chosen)
                page = Page(
                    spec.relation,
                    page.limit,
                    backwards,
                    None if after is None else position_of(after, of, "after"),
                    None if before is None else position_of(before, of, "before"),
                    order,
                    chosen,
                )
        except BadInput as error:
            raise Fallback from error
        if page.may_be_long:
            raise Fallback
        return RequestedPage(page, size, after, before)

    async def _counted(
        self, run: Run, requested: RequestedPage, keys: Sequence[Any]
    ) -> tuple[Count[Any] | None, Iterable[int]]:
        """The count that is read together with the page, if one is, or else the numbers of the parents' children."""
        if self.selected.total and len(keys) == 1 and run.reader.nests:
            run.count_read()
            return self._count(run, requested.page), repeat(0)
        return None, await self._counts(run, requested, keys) if self.selected.total else repeat(0)

    async def _counts(self, run: Run, requested: RequestedPage, keys: Sequence[Any]) -> list[int]:
        run.count_read()
        return await run.reader.counts(self._count(run, requested.page), keys)

    def _count(self, run: Run, page: Page[Any]) -> Count[Any]:
        return Count(page.relation, page.filter, run.bounds.count_cap + 1)


def _edges_page(
    array: PageArray, prefix: bytes, mark: int, requested: RequestedPage, shown: ConnectionPage
) -> ConnectionPage:
    """The page in ``array``, of edges, without the one edge beyond the page, if there is one.

    Each edge begins with ``prefix``, the last ``mark`` bytes of which begin the cursor.
    """
    rows, after, size = array.rows, requested.after is not None, requested.size
    more, last, end = _bounds(array, prefix, size) if rows else (False, 0, 0)
    if not end:
        return ConnectionPage(((b"",),), NO_ENDS, more, after, shown.counted, shown.cap)
    page: Piece = memoryview(rows)[:end] if more else rows  # A copy would take as long as a row.
    first = len(prefix) - mark
    last += first
    ends = rows[first : first + mark + POSITION_BYTES], rows[last : last + mark + POSITION_BYTES]
    return ConnectionPage(((page,),), ends, more, after, shown.counted, shown.cap)


def _bounds(array: PageArray, prefix: bytes, size: int) -> tuple[bool, int, int]:
    """Whether there are more than ``size`` edges; where the last of the first ``size`` begins, and where it ends."""
    rows, more = array.rows, array.number > size
    if array.lengths:
        whole = [len(prefix) + length for length in array.lengths[:size]]
        end = sum(whole) + len(whole) - 1 if whole else 0
        return more, end - whole[-1] if whole else 0, end
    between = b"," + prefix
    end = (rows.rfind(between) if size else 0) if more else len(rows)
    return more, rows.rfind(between, 0, end) + 1, end


def _ends(of: str, rows: list[Any]) -> tuple[bytes, bytes]:
    first, last = rows[0], rows[-1]
    return (
        f'"{of}.{first[-2] or NEVER}.{first[-1]}"'.encode(),
        f'"{of}.{last[-2] or NEVER}.{last[-1]}"'.encode(),
    )


def _given(arguments: dict[str, Any], name: str) -> Any:
    value = arguments.get(name)
    return None if value is UNSET else value
