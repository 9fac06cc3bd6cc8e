"""The resolvers of the change feed: pages of changes, their cursors, and the rows that changed."""

import re
from collections.abc import Awaitable
from typing import Annotated

import msgspec
import strawberry
from strawberry import UNSET

from resolvers.arguments.omitted import given
from resolvers.arguments.paging import First, page_size
from resolvers.arguments.sids import but_got, record_of, sid_of
from resolvers.connections import PageInfo
from resolvers.context import Info
from resolvers.errors import BadInput, ChangesExpired
from resolvers.nodes import load_record
from store.changes import Change, ChangedType, ChangeKind, FeedPage, FeedQuery
from store.columns import Record
from store.sessions import Session

CURSOR = re.compile(r"([0-9a-f]{16})\.([0-9]{1,18})")

AfterChange = Annotated[
    str | None,
    strawberry.argument(
        description="Only changes after this cursor. Without it the feed begins with the oldest change that is kept."
    ),
]
Types = Annotated[
    list[ChangedType] | None,
    strawberry.argument(description="Only changes of rows of these types. null doesn't filter; [] matches nothing."),
]


@strawberry.input(
    description="Selects the changes that meet every condition. null doesn't filter; an empty list matches nothing."
)
class ChangeFilter:
    """Conditions on changes."""

    kind: list[ChangeKind] | None = strawberry.field(description="What happened: one of these.", default=UNSET)
    session_sid: strawberry.ID | None = strawberry.field(
        description="Of one Session: itself, its Participants and its Interactions.", default=UNSET
    )


ChangeFilterArgument = Annotated[
    ChangeFilter | None, strawberry.argument(description="The conditions. null selects all changes.")
]


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


def changes(
    info: Info,
    after: AfterChange = UNSET,
    first: First = UNSET,
    types: Types = UNSET,
    filter: ChangeFilterArgument = UNSET,
) -> Awaitable[ChangePage]:
    """``Query.changes``. Raises BadInput for an invalid argument, ChangesExpired for a cursor that is too old."""
    size, _ = page_size(given(first), None, info.context.max_page_size)
    start = given(after)
    epoch, number = (None, 0) if start is None else place_of(start)
    query = feed_query(number, size + 1, given(types), given(filter))
    return _page(info.context.loaders.load(query, None), size, epoch, number)


def feed_query(after: int, limit: int, types: list[ChangedType] | None, filter: ChangeFilter | None) -> FeedQuery:
    """The store's query for these arguments; raises BadInput for a malformed SID."""
    kinds = given(filter.kind) if filter else None
    session_sid = given(filter.session_sid) if filter else None
    return FeedQuery(
        after,
        limit,
        None if types is None else frozenset(types),
        None if kinds is None else frozenset(kinds),
        None if session_sid is None else sid_of(Session, session_sid),
    )


def place_of(cursor: str) -> tuple[str, int]:
    """The epoch and the number in a cursor of the feed; raises BadInput if it is malformed."""
    matched = CURSOR.fullmatch(cursor)
    if not matched:
        raise BadInput(f"Expected after to be a cursor of the change feed, {but_got(cursor)}")
    return matched[1], int(matched[2])


def demand_kept(feed: FeedPage, epoch: str | None, number: int) -> None:
    """Raises ChangesExpired if changes after this place of the feed are missing, or the place is of another feed."""
    if epoch is not None and (epoch != feed.epoch or not feed.dropped <= number <= feed.last):
        raise ChangesExpired


def feed_change(epoch: str, change: Change) -> FeedChange:
    """The change with its cursor in the feed ``epoch``."""
    number, *properties = msgspec.structs.astuple(change)
    return FeedChange(f"{epoch}.{number}", *properties)


async def _page(loaded: Awaitable[FeedPage], size: int, epoch: str | None, number: int) -> ChangePage:
    feed = await loaded
    demand_kept(feed, epoch, number)
    return ChangePage(feed, size, epoch is not None)


def nodes(parent: strawberry.Parent[ChangePage]) -> list[FeedChange]:
    """``ChangeConnection.nodes``."""
    return parent.changes()


def edges(parent: strawberry.Parent[ChangePage]) -> list[ChangeEdge]:
    """``ChangeConnection.edges``."""
    return [ChangeEdge(change.cursor, change) for change in parent.changes()]


def page_info(parent: strawberry.Parent[ChangePage]) -> PageInfo:
    """``ChangeConnection.pageInfo``."""
    shown = parent.changes()
    return PageInfo(
        has_next_page=len(parent.feed.changes) > parent.size,
        has_previous_page=parent.has_previous_page,
        start_cursor=shown[0].cursor if shown else None,
        end_cursor=shown[-1].cursor if shown else None,
    )


def latest_cursor(parent: strawberry.Parent[ChangePage]) -> str:
    """``ChangeConnection.latestCursor``."""
    return f"{parent.feed.epoch}.{parent.feed.last}"


def node(parent: strawberry.Parent[FeedChange], info: Info) -> Awaitable[Record | None] | None:
    """``Change.node``: the row as it is now; None if it was erased."""
    record_type = record_of(parent.sid)
    return load_record(info, record_type, parent.sid) if record_type else None
