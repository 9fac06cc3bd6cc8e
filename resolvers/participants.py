"""The resolvers of a Participant's fields that are not columns."""

from collections.abc import Awaitable

import strawberry

from resolvers.context import Info
from resolvers.forms import Reference, planned
from resolvers.interactions import interactions_of
from resolvers.nodes import known
from store import interactions as interaction_rows
from store.participants import Participant
from store.sessions import Session

interactions = interactions_of(interaction_rows.OF_PARTICIPANT)


@planned(Reference(Session, "session_sid"))
def session(parent: strawberry.Parent[Participant], info: Info) -> Awaitable[Session | None]:
    """``Participant.session``."""
    return known(info, Session, parent.session_sid)
