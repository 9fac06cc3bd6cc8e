"""The resolvers of a Participant, for all fields that are not columns."""

from collections.abc import Awaitable, Callable

import strawberry
from strawberry import UNSET

import store.interactions
import store.participants
from resolvers.arguments.filters import ParticipantFilterArgument, demand_content, participant_filter
from resolvers.arguments.orders import ParticipantOrderBy, order_of
from resolvers.arguments.paging import After, Before, First, Last, PageArguments
from resolvers.connections import Connection
from resolvers.context import Info
from resolvers.interactions import interactions_of
from resolvers.nodes import load_record
from resolvers.resolver_specs import ConnectionSpec, ReferenceSpec, resolver_spec
from store.columns import Record
from store.lists.relations import Relation
from store.participants import Participant
from store.sessions import Session

interactions = interactions_of(store.interactions.OF_PARTICIPANT)


def participants_of(relation: Relation[Participant]) -> Callable[..., Connection[Participant]]:
    """The resolver of a field that lists the Participants of its parent, or at the root all Participants."""

    def resolve(
        root: Record | None,
        info: Info,
        filter: ParticipantFilterArgument = UNSET,
        order_by: ParticipantOrderBy = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[Participant]:
        page = PageArguments(first, after, last, before)
        wanted = participant_filter(filter)
        demand_content(wanted, info.context.access)
        return Connection(info.context, relation, root, page, order_of(order_by), wanted)

    return resolver_spec(ConnectionSpec(relation, order_of, participant_filter))(resolve)


participants = participants_of(store.participants.ALL)


@resolver_spec(ReferenceSpec(Session, "session_sid"))
def session(parent: strawberry.Parent[Participant], info: Info) -> Awaitable[Session | None]:
    """``Participant.session``."""
    return load_record(info, Session, parent.session_sid)
