"""The deleteInteraction mutation: its input, its payload and what Twilio keeps."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import deletions
from resolvers.arguments.omitted import given
from resolvers.context import Info
from schema.enums import AtTwilio, DeleteInteractionErrorCode, Erasure, ResourceType
from schema.fields import column, resolved

if TYPE_CHECKING:
    from schema.sessions import Session


@strawberry.input(description="Which Interaction to delete, and where it has to be for that.")
class DeleteInteractionInput:
    """The mutation's one argument."""

    sid: strawberry.ID = column("The Interaction's SID: KI and 32 hexadecimal digits.")
    service_sid: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A guard: delete it only if it is under this Service."
    )
    session_sid: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A guard: delete it only if it is under this Session."
    )
    client_mutation_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="Any text; the payload gives it back."
    )


@strawberry.type(description="A Message or Call behind a deleted Interaction that Twilio keeps.")
class RemainingResource:
    """A view of resolvers.deletions.RemainingResource."""

    sid: strawberry.ID = column("The SID by which Twilio's own API finds it: SM or MM of a Message, CA of a Call.")
    type: ResourceType = column("Whether it is a Message or a Call.")
    url: str | None = column("Its address in Twilio's REST API, where it can be deleted too.")


@strawberry.type(description="Why an Interaction was not deleted.")
class DeleteInteractionError:
    """A view of resolvers.deletions.DeletionError."""

    code: DeleteInteractionErrorCode = column("The reason, for programs to decide by.")
    message: str = column("The reason, in a sentence for people.")
    field: list[str] | None = column("The path to the input field at fault.")


@strawberry.type(description="What a deletion came to: a deletedInteractionId, or userErrors that say why not.")
class DeleteInteractionPayload:
    """A view of resolvers.deletions.Deletion."""

    client_mutation_id: str | None = column("The text that the input gave.")
    deleted_interaction_id: strawberry.ID | None = column("The id of what was deleted; null where nothing was.")
    session: Annotated["Session", strawberry.lazy("schema.sessions")] | None = resolved(
        deletions.session, "The Session that it was in, as it is now; null where nothing was deleted."
    )
    remaining_resources: list[RemainingResource] = column(
        "The Message and Call records behind it, which Twilio keeps. Proxy can't name them any more once the "
        "Interaction is gone: this answer is the last chance to learn their SIDs."
    )
    user_errors: list[DeleteInteractionError] = column("Why nothing was deleted; empty where it was.")
    erasure: Erasure | None = column("Whether every byte of it is gone from the files; null where nothing was deleted.")
    at_twilio: AtTwilio | None = column(
        "What became of it at Twilio, as the deletion ledger has it; null where Twilio was not asked, or did nothing."
    )


async def _delete(
    info: Info,
    input: Annotated[
        DeleteInteractionInput, strawberry.argument(description="Which Interaction to delete, by its SID.")
    ],
) -> deletions.Deletion:
    guards = given(input.service_sid), given(input.session_sid)
    return await deletions.delete_interaction(info, input.sid, *guards, given(input.client_mutation_id))


@strawberry.type(description="What can be changed: an Interaction can be deleted, and nothing else.")
class Mutation:
    """The root of mutations."""

    delete_interaction: DeleteInteractionPayload = resolved(
        _delete,
        "Deletes an Interaction for good: no query finds it afterwards, no byte of it stays in the archive's files "
        "(the payload's erasure says whether that is done), and it never comes back. It is deleted at Twilio too (see "
        "atTwilio), but for the Message and Call records behind it, which stay there. Deleting twice is harmless.",
    )
