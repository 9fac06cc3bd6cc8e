"""The change feed: ChangeConnection and Change."""

import strawberry

from resolvers.feed import changes
from schema.connections import PageInfo
from schema.enums import ChangedType, ChangeKind
from schema.fields import column, resolved
from schema.node import Node
from schema.scalars import DateTime


@strawberry.type(
    description="One change of a row in the archive. It names the row by its SIDs and has nothing of what the row held."
)
class Change:
    """A view of resolvers.feed.changes.FeedChange."""

    cursor: str = column("An opaque cursor of this change in the feed: the feed goes on after it.")
    kind: ChangeKind = column("What happened to the row.")
    type: ChangedType = column("Which of the four resources the row is.")
    sid: strawberry.ID = column("The SID of the row that changed.")
    service_sid: strawberry.ID = column("The SID of the Service that the row belongs to; its own for a Service.")
    session_sid: strawberry.ID | None = column(
        "The SID of the Session that the row belongs to; its own for a Session, and null for a Service."
    )
    at: DateTime = column("When the archive made the change; its order is that of the feed, not that of the times.")
    node: Node | None = resolved(
        changes.node, "The row as it is now, which later changes may have made; null if it was erased."
    )


@strawberry.type(description="A change of the feed, with its cursor.")
class ChangeEdge:
    """Relay's Edge."""

    cursor: str = column("The same as the change's own cursor.")
    node: Change = column("The change, which is no Node itself: nothing fetches it by an id.")


@strawberry.type(
    description="Changes of the archive in the order in which they were made. It is read forwards only; the oldest "
    "changes are dropped after some days, which is a setting."
)
class ChangeConnection:
    """A view of resolvers.feed.changes.ChangePage."""

    edges: list[ChangeEdge] = resolved(changes.edges, "The page's changes with their cursors.")
    nodes: list[Change] = resolved(changes.nodes, "The page's changes without edges around them.")
    page_info: PageInfo = resolved(
        changes.page_info, "Whether changes follow this page, and its first and last cursor."
    )
    latest_cursor: str = resolved(
        changes.latest_cursor,
        "The cursor of the archive's newest change, whatever the filter. A copy of the archive begins with it: take "
        "it, copy the lists, and then follow the feed from it.",
    )
