"""Connections, edges and page information, after Relay's Cursor Connections."""

from typing import Generic, TypeVar

import strawberry

from resolvers import connections
from schema.fields import column, resolved

T = TypeVar("T")


@strawberry.type(description="Where a page lies in its connection.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = column(
        "Whether there is more after this page. Exact when paging with first; when paging with last it says "
        "whether a before cursor was given."
    )
    has_previous_page: bool = column(
        "Whether there is more before this page. Exact when paging with last; when paging with first it says "
        "whether an after cursor was given."
    )
    start_cursor: str | None = column("The cursor of the page's first row; null where the page is empty.")
    end_cursor: str | None = column("The cursor of the page's last row; null where the page is empty.")


@strawberry.type(description="One row of a connection, with its place in it.")
class Edge(Generic[T]):
    """Relay's Edge."""

    cursor: str = column("The row's place in this connection, for after and before. Its text has no meaning.")
    node: T = column("The row itself, which node(id:) gives again.")


@strawberry.type(
    description="A list that is read page by page, in the order of orderBy, or else of dateCreated, and then of sid."
)
class Connection(Generic[T]):
    """Relay's Connection, with the shortcut ``nodes`` and a count."""

    edges: list[Edge[T]] = resolved(connections.edges, "The page's rows with their cursors.")
    nodes: list[T] = resolved(connections.nodes, "The page's rows without their cursors.")
    page_info: PageInfo = resolved(connections.page_info, "Where the page lies, and how to go on.")
    total_count: int = resolved(
        connections.total_count,
        "How many rows there are in all that the filter leaves, on this page and off it. Counted only when selected, "
        "and only up to a cap that is a setting of the server; see totalCountCapped.",
    )
    total_count_capped: bool = resolved(
        connections.total_count_capped,
        "Whether there are more rows than the server counts: then totalCount is the cap, and a lower bound.",
    )
