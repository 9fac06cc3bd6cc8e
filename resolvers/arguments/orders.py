"""Order arguments: the GraphQL enums, and the store's order for each value; schema/enums.py describes them."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import strawberry

from resolvers.arguments.omitted import given
from store import interactions, sessions
from store.lists.orders import BY_DATE_CREATED, Order


class InteractionOrder(StrEnum):
    """The sort orders of Interactions."""

    DATE_CREATED_ASC = "date_created asc"
    DATE_CREATED_DESC = "date_created desc"
    DATE_UPDATED_ASC = "date_updated asc"
    DATE_UPDATED_DESC = "date_updated desc"


class ParticipantOrder(StrEnum):
    """What Participants can be sorted by."""

    DATE_CREATED_ASC = "date_created asc"
    DATE_CREATED_DESC = "date_created desc"
    DATE_UPDATED_ASC = "date_updated asc"
    DATE_UPDATED_DESC = "date_updated desc"


class SessionOrder(StrEnum):
    """The sort orders of Sessions."""

    DATE_CREATED_ASC = "date_created asc"
    DATE_CREATED_DESC = "date_created desc"
    DATE_UPDATED_ASC = "date_updated asc"
    DATE_UPDATED_DESC = "date_updated desc"
    DATE_LAST_INTERACTION_ASC = "date_last_interaction asc"
    DATE_LAST_INTERACTION_DESC = "date_last_interaction desc"


ORDERS: dict[str, Order] = {
    f"{order.column} {direction}": order._replace(descending=direction == "desc")
    for order in (BY_DATE_CREATED, interactions.BY_DATE_UPDATED, sessions.BY_DATE_LAST_INTERACTION)
    for direction in ("asc", "desc")
}

_DESCRIPTION = "The order of the list, then by sid in the same direction. Default: DATE_CREATED_ASC."
InteractionOrderBy: TypeAlias = Annotated[
    InteractionOrder | None, strawberry.argument(description=_DESCRIPTION, name="orderBy")
]
ParticipantOrderBy: TypeAlias = Annotated[
    ParticipantOrder | None, strawberry.argument(description=_DESCRIPTION, name="orderBy")
]
SessionOrderBy: TypeAlias = Annotated[
    SessionOrder | None, strawberry.argument(description=_DESCRIPTION, name="orderBy")
]


def order_of(argument: InteractionOrder | ParticipantOrder | SessionOrder | None) -> Order:
    """The store's order for ``orderBy``."""
    name = given(argument)
    return BY_DATE_CREATED if name is None else ORDERS[name]
