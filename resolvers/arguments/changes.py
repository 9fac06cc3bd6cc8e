"""The arguments of the change feed: its cursors, its filter, and the store's query that they make.

A cursor has the epoch of the feed and the number of a change. It is a position in the feed, and so good for any filter.
"""

import re
from typing import Annotated, NamedTuple, TypeAlias

import strawberry
from strawberry import UNSET

from resolvers.arguments.omitted import given
from resolvers.arguments.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, page_size
from resolvers.arguments.sids import but_got, sid_of
from resolvers.errors import BadInput
from store.queries.changes import ChangedType, ChangeKind, FeedQuery
from store.sessions import Session

CURSOR = re.compile(r"([0-9a-f]{16})\.([0-9]{1,18})")

AfterChange: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description="Only changes after this cursor. Without it the feed begins with the oldest change that is kept."
    ),
]
FirstChanges: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description=f"How many changes: 0 to {MAX_PAGE_SIZE}; default {DEFAULT_PAGE_SIZE}."),
]
Types: TypeAlias = Annotated[
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


ChangeFilterArgument: TypeAlias = Annotated[
    ChangeFilter | None, strawberry.argument(description="The conditions. null selects all changes.")
]


class FeedRequest(NamedTuple):
    """A page of up to ``size`` changes: ``query`` asks for one more. ``epoch`` is the cursor's, if there is one."""

    query: FeedQuery
    size: int
    epoch: str | None

    def is_kept(self, epoch: str, is_kept: bool) -> bool:
        """Whether the feed ``epoch`` has every change after the cursor; ``is_kept`` says so of the cursor's number."""
        return self.epoch is None or (self.epoch == epoch and is_kept)


def feed_request(
    after: str | None, first: int | None, types: list[ChangedType] | None, filter: ChangeFilter | None, most: int
) -> FeedRequest:
    """The request of these arguments, for pages of up to ``most`` changes. Raises BadInput for an invalid one."""
    size, _ = page_size(given(first), None, most)
    start = given(after)
    epoch, number = (None, 0) if start is None else position_of(start)
    return FeedRequest(feed_query(number, size + 1, given(types), given(filter)), size, epoch)


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


def position_of(cursor: str) -> tuple[str, int]:
    """The epoch and the number in a cursor of the feed; raises BadInput if it is malformed."""
    matched = CURSOR.fullmatch(cursor)
    if not matched:
        raise BadInput(f"Expected after to be a cursor of the change feed, {but_got(cursor)}")
    return matched[1], int(matched[2])
