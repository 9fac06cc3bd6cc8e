"""The root of queries."""

import strawberry

from resolvers import interactions, nodes, participants, services, sessions, sync_status
from resolvers.feed import changes
from schema.connections import Connection
from schema.feed.changes import ChangeConnection
from schema.fields import resolved
from schema.interactions import Interaction
from schema.node import Node
from schema.participants import Participant
from schema.services import Service
from schema.sessions import Session
from schema.sync_status import SyncStatus


@strawberry.type(
    description="The root of all queries. A path of Service, Session and Interaction corresponds to Twilio's REST path."
)
class Query:
    """The root of queries."""

    node: Node | None = resolved(nodes.node, "The object with this id; null if there is none.")
    nodes: list[Node | None] = resolved(
        nodes.nodes, "The objects with these ids, in the same order; null for an id without an object."
    )
    service: Service | None = resolved(services.service, "The Service with this SID; null if there is none.")
    services: Connection[Service] = resolved(
        services.services, "All Services of the account, each with its Sessions and their Interactions."
    )
    session: Session | None = resolved(sessions.session, "The Session with this SID; null if there is none.")
    sessions: Connection[Session] = resolved(
        sessions.sessions, "The Sessions of all Services, in one list. Twilio's own API has no such list."
    )
    participants: Connection[Participant] = resolved(
        participants.participants,
        "The Participants of all Sessions of all Services, in one list. Twilio's own API has no such list.",
    )
    interaction: Interaction | None = resolved(
        interactions.interaction, "The Interaction with this SID, in any Session; null if there is none."
    )
    interactions: Connection[Interaction] = resolved(
        interactions.interactions,
        "The Interactions of all Sessions of all Services, in one list. Twilio's own API has no such list.",
    )
    changes: ChangeConnection = resolved(
        changes.changes,
        "What was created, updated, archived and erased in the archive, in that order, so that a copy elsewhere can "
        "follow it and erase what was erased here.",
    )
    sync_status: SyncStatus = resolved(
        sync_status.sync_status, "How up to date the archive is, and what may be missing."
    )
