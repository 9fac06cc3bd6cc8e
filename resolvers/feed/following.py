"""The resolvers of the subscriptions that follow the change feed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry
from strawberry import UNSET

from resolvers.arguments.changes import ChangeFilterArgument, Types, feed_query, position_of
from resolvers.arguments.filters import InteractionFilterArgument, demand_content, interaction_filter
from resolvers.arguments.omitted import given
from resolvers.context import Info, live_of
from resolvers.errors import ChangesExpired
from resolvers.feed.changes import FeedChange, feed_change
from store.interactions import InteractionFilter
from store.live.changes import FeedPosition, FeedPositionLost
from store.live.matching import is_met_by_change
from store.live.updates import LiveUpdates
from store.queries.changes import ChangedType, FeedQuery

EVERYTHING = InteractionFilter()
INTERACTIONS = frozenset({ChangedType.INTERACTION})

AfterCursor = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the last change that the client has: what came after it comes first, nothing is "
        "lost, and nothing comes twice. Without it the subscription begins now. After a cursor that is older than what "
        "the feed keeps, the only event is the error CHANGES_EXPIRED."
    ),
]


async def changes(
    info: Info, after: AfterCursor = UNSET, types: Types = UNSET, filter: ChangeFilterArgument = UNSET
) -> AsyncGenerator[FeedChange, None]:
    """``Subscription.changes``. Raises BadInput for an invalid argument, ChangesExpired for a cursor that is too old.

    It has begun when this returns: no later change is missed, even if the first event is asked for later.
    """
    query = feed_query(0, 0, given(types), given(filter))
    return _followed(live_of(info), query, await _position(info, after), EVERYTHING)


async def interactions(
    info: Info, filter: InteractionFilterArgument = UNSET, after: AfterCursor = UNSET
) -> AsyncGenerator[FeedChange, None]:
    """``Subscription.interactions``. Raises what ``changes`` does, and Forbidden for a filter on content."""
    wanted = interaction_filter(filter) or EVERYTHING
    demand_content(wanted, info.context.access)
    query = FeedQuery(0, 0, INTERACTIONS, None, wanted.session_sid)
    return _followed(live_of(info), query, await _position(info, after), wanted)


async def _followed(
    live: LiveUpdates, query: FeedQuery, position: FeedPosition, wanted: InteractionFilter
) -> AsyncGenerator[FeedChange, None]:
    are_all = is_met_by_change(wanted)
    try:
        async with aclosing(live.changes.follow(query, position, wanted.service_sid)) as found:
            async for change in found:
                if are_all or await live.matching.matches(wanted, change):
                    yield feed_change(position.epoch, change)
    except FeedPositionLost as error:
        raise ChangesExpired from error


async def _position(info: Info, after: str | None) -> FeedPosition:
    cursor = given(after)
    asked = None if cursor is None else FeedPosition(*position_of(cursor))
    try:
        return await live_of(info).changes.position(asked)
    except FeedPositionLost as error:
        raise ChangesExpired from error
