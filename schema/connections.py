"""Connections, edges and page information, as in Relay's Cursor Connections."""

from typing import Generic, TypeVar

import strawberry

from resolvers import connections
from schema.fields import column, resolved

T = TypeVar("T")


@strawberry.type(description="The position of a page in its connection.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = column(
        "Whether rows follow this page. Exact with first; with last it is true if a before cursor was given."
    )
    has_previous_page: bool = column(
        "Whether rows precede this page. Exact with last; with first it is true if an after cursor was given."
    )
    start_cursor: str | None = column("The cursor of the page's first row; null if the page is empty.")
    end_cursor: str | None = column("The cursor of the page's last row; null if the page is empty.")


@strawberry.type(description="A row of a connection, with its cursor.")
class Edge(Generic[T]):
    """Relay's Edge."""

    cursor: str = column("An opaque cursor of the row in this connection, for after and before.")
    node: T = column("The row; node(id:) returns it too.")


@strawberry.type(description="A list in pages. It is sorted by orderBy (by default by dateCreated), and then by sid.")
class Connection(Generic[T]):
    """Relay's Connection, with the shortcut ``nodes`` and a count."""

    edges: list[Edge[T]] = resolved(connections.edges, "The page's rows with their cursors.")
    nodes: list[T] = resolved(connections.nodes, "The page's rows without their cursors.")
    page_info: PageInfo = resolved(
        connections.page_info, "The page's position, and the cursors of the next and the previous page."
    )
    total_count: int = resolved(
        connections.total_count,
        "The number of rows that match the filter, on all pages. The server counts only if this field is selected, "
        "and only up to a cap, which is a setting; see totalCountCapped.",
    )
    total_count_capped: bool = resolved(
        connections.total_count_capped,
        "Whether the server stopped counting at the cap. If true, totalCount is the cap, and there are more rows.",
    )
