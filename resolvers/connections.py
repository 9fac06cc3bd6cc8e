"""Connections: lists that are read page by page.

A Connection reads nothing when it is created. Its page (for edges, nodes or pageInfo) and its count are separate loads,
so ``{ totalCount }`` reads no rows, and rows are only counted if the client selects the count.
"""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Generic, TypeVar

import msgspec
import strawberry
from strawberry import UNSET

from resolvers.arguments.cursors import cursor_of, fingerprint, position_of
from resolvers.arguments.omitted import given
from resolvers.arguments.paging import After, Before, First, Last, PageArguments, PageRequest, page_size
from resolvers.context import Context, Info
from resolvers.resolver_specs import ConnectionSpec, RelayField, resolver_spec
from store.columns import Record
from store.lists.filters import Filter
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import Relation
from store.queries.pages import Count, Page

R = TypeVar("R", bound=Record)


class Edge(msgspec.Struct, Generic[R], frozen=True):
    """A row of a connection and its cursor."""

    cursor: str
    node: R


class PageInfo(msgspec.Struct, frozen=True):
    """Whether rows precede or follow the page, and its first and last cursor."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class Connection(Generic[R]):
    """One page of the rows that ``relation`` lists under ``parent`` (None at the root), filtered and sorted."""

    def __init__(
        self,
        context: Context,
        relation: Relation[R],
        parent: Record | None,
        page: PageArguments,
        order: Order = BY_DATE_CREATED,
        filter: Filter | None = None,
    ) -> None:
        """Raises BadInput if the page arguments are out of range, contradict each other, or have a wrong cursor."""
        self._context = context
        self._relation = relation
        self._parent = parent.sid if parent else None
        self._order = order
        self._filter = filter
        size, backwards = page_size(given(page.first), given(page.last), context.max_page_size)
        after, before = given(page.after), given(page.before)
        self._request = PageRequest(
            size,
            backwards,
            None if after is None else position_of(after, self._fingerprint, "after"),
            None if before is None else position_of(before, self._fingerprint, "before"),
        )

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self._relation.name, self._parent, self._order, self._filter)

    def load_rows(self) -> Awaitable[list[R]]:
        """The page's rows, and the next row beyond them if there is one."""
        size, backwards, after, before = self._request
        page = Page(self._relation, size + 1, backwards, after, before, self._order, self._filter)
        return self._context.loaders.load(page, self._parent)

    def load_count(self) -> Awaitable[int]:
        """The number of rows on all pages; counting stops at one more than the cap."""
        count = Count(self._relation, self._filter, self._context.count_cap + 1)
        return self._context.loaders.load(count, self._parent)

    def capped(self, count: int) -> int:
        """``count``, but at most the cap."""
        return min(count, self._context.count_cap)

    def is_capped(self, count: int) -> bool:
        """Whether ``count`` is larger than the cap."""
        return count > self._context.count_cap

    def nodes(self, rows: list[R]) -> list[R]:
        """The page's rows, without the row beyond them."""
        size, backwards, _, _ = self._request
        return rows[max(len(rows) - size, 0) :] if backwards else rows[:size]

    def edges(self, rows: list[R]) -> list[Edge[R]]:
        """The page's rows with their cursors."""
        position, connection = self._order.position, self._fingerprint
        return [Edge(cursor_of(position(row), connection), row) for row in self.nodes(rows)]

    def page_info(self, rows: list[R]) -> PageInfo:
        """Exact in the direction of paging; in the other direction it tells whether the client gave a cursor.

        Relay's HasNextPage and HasPreviousPage (https://relay.dev/graphql/connections.htm#sec-undefined.PageInfo.Fields).
        """
        size, backwards, after, before = self._request
        more, nodes = len(rows) > size, self.nodes(rows)
        position, connection = self._order.position, self._fingerprint
        return PageInfo(
            has_next_page=before is not None if backwards else more,
            has_previous_page=more if backwards else after is not None,
            start_cursor=cursor_of(position(nodes[0]), connection) if nodes else None,
            end_cursor=cursor_of(position(nodes[-1]), connection) if nodes else None,
        )


@resolver_spec(RelayField.EDGES)
def edges(parent: strawberry.Parent[Connection[R]]) -> Awaitable[list[Edge[R]]]:
    """``Connection.edges``."""
    return _edges(parent, parent.load_rows())


@resolver_spec(RelayField.NODES)
def nodes(parent: strawberry.Parent[Connection[R]]) -> Awaitable[list[R]]:
    """``Connection.nodes``."""
    return _nodes(parent, parent.load_rows())


@resolver_spec(RelayField.PAGE_INFO)
def page_info(parent: strawberry.Parent[Connection[R]]) -> Awaitable[PageInfo]:
    """``Connection.pageInfo``."""
    return _page_info(parent, parent.load_rows())


@resolver_spec(RelayField.TOTAL_COUNT)
def total_count(parent: strawberry.Parent[Connection[R]]) -> Awaitable[int]:
    """``Connection.totalCount``."""
    return _total_count(parent, parent.load_count())


@resolver_spec(RelayField.TOTAL_COUNT_CAPPED)
def total_count_capped(parent: strawberry.Parent[Connection[R]]) -> Awaitable[bool]:
    """``Connection.totalCountCapped``."""
    return _total_count_capped(parent, parent.load_count())


# The resolvers above load the rows before these coroutines start, so that the loads join the current batch.


async def _edges(connection: Connection[R], rows: Awaitable[list[R]]) -> list[Edge[R]]:
    return connection.edges(await rows)


async def _nodes(connection: Connection[R], rows: Awaitable[list[R]]) -> list[R]:
    return connection.nodes(await rows)


async def _page_info(connection: Connection[R], rows: Awaitable[list[R]]) -> PageInfo:
    return connection.page_info(await rows)


async def _total_count(connection: Connection[R], count: Awaitable[int]) -> int:
    return connection.capped(await count)


async def _total_count_capped(connection: Connection[R], count: Awaitable[int]) -> bool:
    return connection.is_capped(await count)


def connection_of(relation: Relation[R]) -> Callable[..., Connection[R]]:
    """The resolver of a field that lists ``relation``: its parent's children, or all rows at the root."""

    def resolve(
        root: Record | None,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[R]:
        return Connection(info.context, relation, root, PageArguments(first, after, last, before))

    return resolver_spec(ConnectionSpec(relation))(resolve)
