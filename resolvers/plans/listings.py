"""Listings: the connection of each parent, written as edges, nodes, page information and counts, as far as selected."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple, TypeAlias, cast

from strawberry import UNSET

from resolvers.arguments.cursors import fingerprint, fingerprints, position_of
from resolvers.arguments.paging import page_size
from resolvers.errors import BadInput
from resolvers.forms import Listing
from resolvers.plans.inputs import Evaluate, Fallback
from resolvers.plans.levels import Json, Piece, Pieces, Run, Shape
from resolvers.plans.pages import Fingerprints, fillings_of, leaves, pages_of, write_pages
from store.lists.orders import BY_DATE_CREATED, NEVER
from store.sqlite.statements.pages import Page
from store.sqlite.statements.plans import Filling, count_statement

TRUE, FALSE = b"true", b"false"
PLACE_BYTES = len(f'{NEVER}.KI{"0" * 32}"')
"""What follows the fingerprint and a dot in a cursor: a moment and a SID, both of a fixed width, and a quote."""
NO_ENDS = (b"null", b"null")


class Shown(NamedTuple):
    """One parent's connection, ready to be written.

    ``rows`` has the inside of the JSON array of the page's rows in each shape.
    ``ends`` are the cursors of the first row and the last.
    """

    rows: Sequence[Pieces]
    ends: tuple[bytes, bytes]
    has_next_page: bool
    has_previous_page: bool
    counted: int
    cap: int


INFO = ("has_next_page", "has_previous_page", "start_cursor", "end_cursor")
"""The members of PageInfo."""

Write: TypeAlias = Callable[[Shown], Pieces]
"""How a member of a connection is written."""


class Selected(NamedTuple):
    """What of a connection is selected: its members' texts before their values, and how they are written; its end.

    ``shapes`` are those of its nodes and edges; ``around`` is what stands before and behind them, if there is nothing
    else that changes.
    """

    members: tuple[tuple[bytes, Write], ...]
    end: bytes
    around: tuple[bytes, bytes] | None
    shapes: tuple[Shape, ...]
    rows: bool
    cursors: bool
    info: bool
    total: bool


class Wanted(NamedTuple):
    """What the arguments ask for: a page of up to ``size`` rows, with its ends still as the client gave them."""

    page: Page[Any]
    size: int
    after: str | None
    before: str | None


class Connections(NamedTuple):
    """The connections of one field, of any number of parents."""

    form: Listing
    arguments: dict[str, Evaluate]
    selected: Selected

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """The JSON of each parent's connection; raises Fallback where an argument makes no sense."""
        if not keys:
            return {}
        selected, wanted = self.selected, self._wanted(run, keys)
        counts = await self._counts(run, wanted, keys) if selected.total else repeat(0)
        if not selected.rows:
            return {
                key: self._written(Shown((), NO_ENDS, False, False, count, run.bounds.count_cap))
                for key, count in zip(keys, counts, strict=False)
            }
        if self._is_leaf(wanted):
            fillings = fillings_of(run, wanted.page, selected.shapes[0])
            if fillings is not None:
                return await self._leaves(run, wanted, keys, counts, fillings)
        return await self._paged(run, wanted, keys, counts)

    def filling(self, run: Run) -> Filling | None:
        """The rows of a forward page from its start, where they are all that is selected and have no holes."""
        selected = self.selected
        if not selected.around or selected.cursors or selected.shapes[0].openings:
            return None
        wanted = self._wanted(run, ())
        if wanted.page.backwards or wanted.after is not None or wanted.before is not None:
            return None
        before, behind = selected.around
        return Filling(wanted.page, selected.shapes[0].projection, before.decode(), behind.decode())

    async def _leaves(
        self, run: Run, wanted: Wanted, keys: Sequence[Any], counts: Iterable[int], fillings: Sequence[Filling]
    ) -> Json:
        selected, cap = self.selected, run.bounds.count_cap
        of = self._fingerprints(wanted.page, keys) if selected.cursors else {}
        lists = await leaves(run, wanted.page, selected.shapes[0], keys, of, fillings, selected.info)
        if selected.around:
            before, behind = selected.around
            return {key: (before, rows, behind) for key, (rows, _) in lists.items()}
        connections = {}
        for (key, (rows, lengths)), count in zip(lists.items(), counts, strict=False):
            shown = Shown(((rows,),), NO_ENDS, False, False, count, cap)
            if selected.info:
                lead = selected.shapes[0].lead_of(of[key]).encode()
                shown = _page_of(rows, lengths, len(lead), len(of[key]) + 2, wanted, shown)
            connections[key] = self._written(shown)
        return connections

    def _is_leaf(self, wanted: Wanted) -> bool:
        """Whether SQLite can write each page whole, once it can fill the holes in its rows."""
        selected = self.selected
        if len(selected.shapes) != 1 or wanted.page.backwards:
            return False
        return not selected.info or bool(selected.shapes[0].lead)

    async def _paged(self, run: Run, wanted: Wanted, keys: Sequence[Any], counts: Iterable[int]) -> Json:
        selected, page, size = self.selected, wanted.page, wanted.size
        of = self._fingerprints(page, keys) if selected.cursors or selected.info else {}
        pages = await pages_of(run, page, selected.shapes, keys, of)
        whole = [len(rows) for rows in pages]
        if selected.info:
            pages = [rows[max(len(rows) - size, 0) :] if page.backwards else rows[:size] for rows in pages]
        texts, start = [], 0
        for shape in selected.shapes:
            texts.append(await write_pages(run, pages, shape, start, of.values() if of else repeat("")))
            start += shape.width
        after, before, cap = wanted.after is not None, wanted.before is not None, run.bounds.count_cap
        connections, database = {}, run.database
        for key, rows, length, count, *written in zip(keys, pages, whole, counts, *texts, strict=False):
            more = length > size
            has_next_page, has_previous_page = (before, more) if page.backwards else (more, after)
            ends = _ends(of[key], rows) if selected.info and rows else NO_ENDS
            connections[key] = self._written(Shown(written, ends, has_next_page, has_previous_page, count, cap))
            if database.is_slice_over():
                await database.yield_to_loop()
        return connections

    def _fingerprints(self, page: Page[Any], keys: Sequence[Any]) -> Fingerprints:
        of = fingerprints(self.form.relation.name, page.order, page.filter)
        return {key: of(key) for key in keys}

    def _written(self, shown: Shown) -> Pieces:
        pieces: list[Piece] = []
        for before, write in self.selected.members:
            pieces.append(before)
            pieces += write(shown)
        pieces.append(self.selected.end)
        return pieces

    def _wanted(self, run: Run, keys: Sequence[Any]) -> Wanted:
        form, given = self.form, {name: read(run.values) for name, read in self.arguments.items()}
        try:
            size, backwards = page_size(_given(given, "first"), _given(given, "last"), run.bounds.max_page_size)
            order = form.order(_given(given, "order_by")) if form.order else BY_DATE_CREATED
            chosen = form.filter(_given(given, "filter")) if form.filter else None
            after, before = _given(given, "after"), _given(given, "before")
            page = Page(form.relation, size + self.selected.info, backwards, None, None, order, chosen)
            for key in keys if after is not None or before is not None else ():
                of = fingerprint(form.relation.name, key, order, chosen)
                page = Page(
                    form.relation,
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
        return Wanted(page, size, after, before)

    async def _counts(self, run: Run, wanted: Wanted, keys: Sequence[Any]) -> list[int]:
        run.count_read()
        sql, bound = count_statement(self.form.relation, wanted.page.filter, run.bounds.count_cap + 1)
        database, counts = run.database, []
        for key in keys:
            bound["parent"] = key
            ((count,),) = await database.rows(sql, bound)
            counts.append(count)
            if database.is_slice_over():
                await database.yield_to_loop()
        return counts


def write_rows(shape: int) -> Write:
    """How ``nodes`` or ``edges`` is written, in the shape of this number."""
    return lambda shown: (b"[", *shown.rows[shape], b"]")


def write_info(members: Sequence[tuple[bytes, str | bytes]]) -> Write:
    """How ``pageInfo`` is written: each member's text before its value, and its name in PageInfo, or its text."""
    places, form = [], b""
    for before, of in members:
        form += before
        if isinstance(of, str):
            form += b"%b"
            places.append(INFO.index(of))
        else:
            form += of
    form += end_of(members)

    def write(shown: Shown) -> Pieces:
        (start, last), following, preceding = shown.ends, shown.has_next_page, shown.has_previous_page
        values = (TRUE if following else FALSE, TRUE if preceding else FALSE, start, last)
        return (form % tuple([values[place] for place in places]),)

    return write


def _page_of(rows: bytes, lengths: Sequence[int], lead: int, mark: int, wanted: Wanted, shown: Shown) -> Shown:
    """The page in ``rows``, the inside of an array of edges, which has one edge too many where there are more.

    Each edge is a lead of ``lead`` bytes, whose last ``mark`` bytes begin the cursor, and then as many bytes as
    ``lengths`` says.
    """
    after = wanted.after is not None
    more, ends, page = len(lengths) > wanted.size, NO_ENDS, cast("Piece", rows)
    if more:
        lengths = lengths[: wanted.size]
        end = max(sum(lengths) + len(lengths) * (lead + 1) - 1, 0)
        page = memoryview(rows)[:end]  # A copy would take as long as a row.
    if lengths:
        first = lead - mark
        last = sum(lengths[:-1]) + (len(lengths) - 1) * (lead + 1) + first
        ends = rows[first : first + mark + PLACE_BYTES], rows[last : last + mark + PLACE_BYTES]
    return Shown(((page,),), ends, more, after, shown.counted, shown.cap)


def _ends(of: str, rows: list[Any]) -> tuple[bytes, bytes]:
    first, last = rows[0], rows[-1]
    return (
        f'"{of}.{first[-2] or NEVER}.{first[-1]}"'.encode(),
        f'"{of}.{last[-2] or NEVER}.{last[-1]}"'.encode(),
    )


def end_of(members: Sequence[Any]) -> bytes:
    """What closes an object of these members; the text before the first of them opens it."""
    return b"}" if members else b"{}"


def write_count(shown: Shown) -> Pieces:
    """``totalCount``: up to the cap."""
    return (b"%d" % min(shown.counted, shown.cap),)


def write_capped(shown: Shown) -> Pieces:
    """``totalCountCapped``."""
    return (TRUE if shown.counted > shown.cap else FALSE,)


def always(text: bytes) -> Write:
    """How a member is written that is the same in every connection."""
    return lambda _: (text,)


def numbered(members: Iterable[tuple[str, Any]]) -> Iterator[tuple[bytes, Any]]:
    """Members with the text that stands before each one's value: its key, after a brace or a comma."""
    before = "{"
    for key, value in members:
        yield f'{before}"{key}":'.encode(), value
        before = ","


def around(members: list[tuple[str, Write]]) -> tuple[bytes, bytes]:
    """What stands before and behind the rows, where those are the one member."""
    ((before, _),) = numbered(members)
    return before + b"[", b"]}"


def _given(arguments: dict[str, Any], name: str) -> Any:
    value = arguments.get(name)
    return None if value is UNSET else value
