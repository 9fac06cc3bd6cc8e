"""The change feed: ChangeConnection and Change."""

import strawberry

from resolvers.feed import changes
from schema.connections import PageInfo
from schema.enums import ChangedType, ChangeKind
from schema.fields import column, resolved
from schema.node import Node
from schema.scalars import DateTime


@strawberry.type(description="One change of a row in the archive. It has the row's SIDs, but none of its content.")
class Change:
    """A view of resolvers.feed.changes.FeedChange."""

    cursor: str = column("The opaque cursor of this change: pass it as after to get the changes that follow.")
    kind: ChangeKind = column("What happened to the row.")
    type: ChangedType = column("The type of the row that changed.")
    sid: strawberry.ID = column("The SID of the row that changed.")
    service_sid: strawberry.ID = column("The SID of the Service that the row belongs to; its own for a Service.")
    session_sid: strawberry.ID | None = column(
        "The SID of the Session that the row belongs to; its own for a Session, and null for a Service."
    )
    at: DateTime = column(
        "When the change was made in the archive. The feed has the order of the commits, not of these times."
    )
    node: Node | None = resolved(
        changes.node, "The row in its current state, which may include later changes; null if it was erased."
    )


@strawberry.type(description="A change of the feed, with its cursor.")
class ChangeEdge:
    """Relay's Edge."""

    cursor: str = column("The same as the change's own cursor.")
    node: Change = column("The change. It is not a Node: it has no id.")


@strawberry.type(
    description="Changes of the archive in the order in which they were committed. It can only be read forwards. "
    "Changes are dropped after a number of days that the server sets."
)
class ChangeConnection:
    """A view of resolvers.feed.changes.ChangePage."""

    edges: list[ChangeEdge] = resolved(changes.edges, "The page's changes with their cursors.")
    nodes: list[Change] = resolved(changes.nodes, "The page's changes without edges.")
    page_info: PageInfo = resolved(
        changes.page_info, "Whether there are changes after this page, and its first and last cursor."
    )
    latest_cursor: str = resolved(
        changes.latest_cursor,
        "The cursor of the archive's newest change, independent of filters. To copy the archive: read this cursor, "
        "copy the lists, and then follow the feed from it.",
    )
