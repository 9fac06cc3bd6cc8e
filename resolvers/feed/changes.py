"""The resolvers of the change feed: pages of changes, their cursors, and the rows that changed."""

from collections.abc import Awaitable

import msgspec
import strawberry
from strawberry import UNSET

from resolvers.arguments.changes import (
    AfterChange,
    ChangeFilterArgument,
    FeedRequest,
    FirstChanges,
    Types,
    feed_request,
)
from resolvers.arguments.sids import record_type_of
from resolvers.connections import PageInfo
from resolvers.context import Info
from resolvers.errors import ChangesExpired
from resolvers.nodes import load_record
from resolvers.resolver_specs import FeedSpec, NodeSpec, RelayField, resolver_spec
from store.columns import Record
from store.queries.changes import Change, ChangedType, ChangeKind, FeedPage


class FeedChange(msgspec.Struct, frozen=True):
    """A change of the feed, with its cursor."""

    cursor: str
    kind: ChangeKind
    type: ChangedType
    sid: str
    service_sid: str
    session_sid: str | None
    at: str


class ChangeEdge(msgspec.Struct, frozen=True):
    """A change and its cursor."""

    cursor: str
    node: FeedChange


class ChangePage(msgspec.Struct, frozen=True):
    """A page of changes: up to ``size`` of them, and ``feed`` may have one more."""

    feed: FeedPage
    size: int
    has_previous_page: bool

    def changes(self) -> list[FeedChange]:
        """The page's changes with their cursors."""
        return [feed_change(self.feed.epoch, change) for change in self.feed.changes[: self.size]]


@resolver_spec(FeedSpec(feed_request))
def changes(
    info: Info,
    after: AfterChange = UNSET,
    first: FirstChanges = UNSET,
    types: Types = UNSET,
    filter: ChangeFilterArgument = UNSET,
) -> Awaitable[ChangePage]:
    """``Query.changes``. Raises BadInput for an invalid argument, ChangesExpired for a cursor that is too old."""
    request = feed_request(after, first, types, filter, info.context.max_page_size)
    return _page(info.context.loaders.load(request.query, None), request)


def feed_change(epoch: str, change: Change) -> FeedChange:
    """The change with its cursor in the feed ``epoch``."""
    number, *properties = msgspec.structs.astuple(change)
    return FeedChange(f"{epoch}.{number}", *properties)


async def _page(loaded: Awaitable[FeedPage], request: FeedRequest) -> ChangePage:
    feed = await loaded
    if not request.is_kept(feed.epoch, feed.is_kept):
        raise ChangesExpired
    return ChangePage(feed, request.size, request.epoch is not None)


@resolver_spec(RelayField.NODES)
def nodes(parent: strawberry.Parent[ChangePage]) -> list[FeedChange]:
    """``ChangeConnection.nodes``."""
    return parent.changes()


@resolver_spec(RelayField.EDGES)
def edges(parent: strawberry.Parent[ChangePage]) -> list[ChangeEdge]:
    """``ChangeConnection.edges``."""
    return [ChangeEdge(change.cursor, change) for change in parent.changes()]


@resolver_spec(RelayField.PAGE_INFO)
def page_info(parent: strawberry.Parent[ChangePage]) -> PageInfo:
    """``ChangeConnection.pageInfo``."""
    shown = parent.changes()
    return PageInfo(
        has_next_page=len(parent.feed.changes) > parent.size,
        has_previous_page=parent.has_previous_page,
        start_cursor=shown[0].cursor if shown else None,
        end_cursor=shown[-1].cursor if shown else None,
    )


@resolver_spec(RelayField.LATEST_CURSOR)
def latest_cursor(parent: strawberry.Parent[ChangePage]) -> str:
    """``ChangeConnection.latestCursor``."""
    return f"{parent.feed.epoch}.{parent.feed.last}"


@resolver_spec(NodeSpec("sid"))
def node(parent: strawberry.Parent[FeedChange], info: Info) -> Awaitable[Record | None] | None:
    """``Change.node``: the row as it is now; None if it was erased."""
    record_type = record_type_of(parent.sid)
    return load_record(info, record_type, parent.sid) if record_type else None
