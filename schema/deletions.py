"""The deleteInteraction mutation: its input, and its payload with the records that Twilio keeps."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import deletions
from resolvers.arguments.omitted import given
from resolvers.context import Info
from schema.enums import AtTwilio, DeleteInteractionErrorCode, Erasure, ResourceType
from schema.fields import column, resolved

if TYPE_CHECKING:
    from schema.sessions import Session


@strawberry.input(description="The Interaction to delete, and optionally the Service and Session it must belong to.")
class DeleteInteractionInput:
    """The mutation's one argument."""

    sid: strawberry.ID = column("The Interaction's SID: KI and 32 hexadecimal digits.")
    service_sid: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Optional check: the deletion is refused if the Interaction does not belong to this Service.",
    )
    session_sid: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Optional check: the deletion is refused if the Interaction does not belong to this Session.",
    )
    client_mutation_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="Any text; the payload returns it."
    )


@strawberry.type(description="A Message or Call behind a deleted Interaction that Twilio keeps.")
class RemainingResource:
    """A view of resolvers.deletions.RemainingResource."""

    sid: strawberry.ID = column("The resource's SID in Twilio's own API: SM or MM for a Message, CA for a Call.")
    type: ResourceType = column("Whether the resource is a Message or a Call.")
    url: str | None = column("The resource's address in Twilio's REST API, where you can delete it too.")


@strawberry.type(description="Why an Interaction was not deleted.")
class DeleteInteractionError:
    """A view of resolvers.deletions.DeletionError."""

    code: DeleteInteractionErrorCode = column("The reason as a code, for programs.")
    message: str = column("The reason as a sentence, for people.")
    field: list[str] | None = column("The path of the input field that caused the error.")


@strawberry.type(
    description="The result of a deletion: a deletedInteractionId, or userErrors that say why nothing was deleted."
)
class DeleteInteractionPayload:
    """A view of resolvers.deletions.Deletion."""

    client_mutation_id: str | None = column("The text of the input's clientMutationId.")
    deleted_interaction_id: strawberry.ID | None = column(
        "The id of the deleted Interaction; null if nothing was deleted."
    )
    session: Annotated["Session", strawberry.lazy("schema.sessions")] | None = resolved(
        deletions.session, "The Interaction's Session in its current state; null if nothing was deleted."
    )
    remaining_resources: list[RemainingResource] = column(
        "The Message and Call records behind the Interaction, which Twilio keeps. Proxy no longer lists them once the "
        "Interaction is deleted, so this answer is the last chance to learn their SIDs."
    )
    user_errors: list[DeleteInteractionError] = column("Why nothing was deleted; empty if the Interaction was deleted.")
    erasure: Erasure | None = column(
        "Whether every byte of it is erased from the archive's files; null if nothing was deleted."
    )
    at_twilio: AtTwilio | None = column(
        "The outcome at Twilio, as the deletion ledger has it; null if Twilio was not asked or did not process it."
    )


async def _delete(
    info: Info,
    input: Annotated[DeleteInteractionInput, strawberry.argument(description="The Interaction to delete, by its SID.")],
) -> deletions.Deletion:
    guards = given(input.service_sid), given(input.session_sid)
    return await deletions.delete_interaction(info, input.sid, *guards, given(input.client_mutation_id))


@strawberry.type(
    description="The root of all mutations. Only Interactions can be deleted; nothing else can be changed."
)
class Mutation:
    """The root of mutations."""

    delete_interaction: DeleteInteractionPayload = resolved(
        _delete,
        "Deletes an Interaction for good. No query finds it afterwards, it never comes back, and no byte of it stays "
        "in the archive's files (the payload's erasure says whether this is done). It is deleted at Twilio too (see "
        "atTwilio), except for the Message and Call records behind it. Deleting twice is harmless.",
    )
