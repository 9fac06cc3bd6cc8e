"""The resolvers of an Interaction and its legs, for all fields that are not columns."""

from collections.abc import Awaitable, Callable

import strawberry
from strawberry import UNSET

import store.interactions
from resolvers.arguments.filters import InteractionFilterArgument, demand_content, interaction_filter
from resolvers.arguments.orders import InteractionOrderBy, order_of
from resolvers.arguments.paging import After, Before, First, Last, PageArguments
from resolvers.arguments.sids import InteractionSid
from resolvers.connections import Connection
from resolvers.context import Info
from resolvers.nodes import find, load_record
from resolvers.resolver_specs import ConnectionSpec, LookupSpec, ReferenceSpec, resolver_spec
from store.columns import Record
from store.interactions import Interaction, Leg
from store.lists.relations import Relation
from store.participants import Participant
from store.services import Service
from store.sessions import Session


def interactions_of(relation: Relation[Interaction]) -> Callable[..., Connection[Interaction]]:
    """The resolver of a field that lists the Interactions of its parent, or at the root all Interactions."""

    def resolve(
        root: Record | None,
        info: Info,
        filter: InteractionFilterArgument = UNSET,
        order_by: InteractionOrderBy = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[Interaction]:
        page = PageArguments(first, after, last, before)
        wanted = interaction_filter(filter)
        demand_content(wanted, info.context.access)
        return Connection(info.context, relation, root, page, order_of(order_by), wanted)

    return resolver_spec(ConnectionSpec(relation, order_of, interaction_filter))(resolve)


interactions = interactions_of(store.interactions.ALL)


@resolver_spec(LookupSpec(Interaction))
def interaction(info: Info, sid: InteractionSid) -> Awaitable[Interaction | None]:
    """``Query.interaction``."""
    return find(info, Interaction, sid)


@resolver_spec(ReferenceSpec(Session, "session_sid"))
def session(parent: strawberry.Parent[Interaction], info: Info) -> Awaitable[Session | None]:
    """``Interaction.session``."""
    return load_record(info, Session, parent.session_sid)


@resolver_spec(ReferenceSpec(Service, "service_sid"))
def service(parent: strawberry.Parent[Interaction], info: Info) -> Awaitable[Service | None]:
    """``Interaction.service``."""
    return load_record(info, Service, parent.service_sid)


@resolver_spec(ReferenceSpec(Participant, "participant_sid"))
def participant(parent: strawberry.Parent[Leg], info: Info) -> Awaitable[Participant | None] | None:
    """``Leg.participant``; None if the leg names none, or one that the archive doesn't have."""
    return load_record(info, Participant, parent.participant_sid) if parent.participant_sid else None
