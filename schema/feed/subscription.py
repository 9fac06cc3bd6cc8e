"""The root of subscriptions."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import sync_status
from resolvers.feed import changes, following
from schema.enums import ChangeKind
from schema.feed.changes import Change
from schema.fields import column, resolved, subscribed
from schema.scalars import DateTime
from schema.sync_status import SyncStatus

if TYPE_CHECKING:
    from schema.interactions import Interaction


@strawberry.type(description="A change of an Interaction: it was created or updated, or erased.")
class InteractionChange:
    """A view of resolvers.feed.changes.FeedChange."""

    cursor: str = column("The opaque cursor of this change: pass it as after to resume the subscription.")
    kind: ChangeKind = column("What happened to the Interaction.")
    sid: strawberry.ID = column("The SID of the Interaction: KI and 32 hexadecimal digits.")
    session_sid: strawberry.ID | None = column(
        "The SID of the Session in which it was sent: KC and 32 hexadecimal digits."
    )
    service_sid: strawberry.ID = column("The SID of the Service that it belongs to: KS and 32 hexadecimal digits.")
    at: DateTime = column("When the archive made the change.")
    interaction: Annotated["Interaction", strawberry.lazy("schema.interactions")] | None = resolved(
        changes.node, "The Interaction in its current state, which may include later changes; null if it was erased."
    )


@strawberry.type(
    description="The root of all subscriptions, over graphql-sse (Accept: text/event-stream) and graphql-transport-ws."
)
class Subscription:
    """The root of subscriptions."""

    changes: Change = subscribed(
        following.changes,
        "Each change of the archive, as soon as it is committed, in the order of the change feed (Query.changes).",
    )
    interactions: InteractionChange = subscribed(
        following.interactions,
        "Each change of the Interactions that the filter selects; by default of all. An Interaction that no longer "
        "meets the conditions isn't sent, but every erasure in the filter's Service and Session is.",
    )
    sync_status: SyncStatus = subscribed(
        sync_status.sync_statuses,
        "How up to date the archive is: at once, and then whenever it changes, at most once a second.",
    )
