"""deleteInteraction: stores the request in the ledger, deletes at Twilio, and erases the row and its bytes.

The Message and Call records behind an Interaction are Twilio's and stay there; once it is gone Proxy can't name
them any more, so the answer to the deletion is the last place to learn their SIDs.
"""

from collections.abc import Awaitable, Iterator
from enum import StrEnum

import msgspec

from resolvers.access import Scope
from resolvers.arguments.sids import sid_of
from resolvers.context import Info
from resolvers.errors import Busy
from resolvers.nodes import load_record
from resolvers.upstream import AT_TWILIO, ERASES_HERE, Answer, TwilioOutcome, erase_everywhere
from store.erasure.ledger import AtTwilio
from store.errors import DatabaseLocked
from store.interactions import Interaction, Leg
from store.services import Service
from store.sessions import Session


class DeleteInteractionErrorCode(StrEnum):
    """Why a deletion did not happen."""

    NOT_FOUND = "NOT_FOUND"
    LEGAL_HOLD = "LEGAL_HOLD"
    UPSTREAM_REFUSED = "UPSTREAM_REFUSED"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"


class Erasure(StrEnum):
    """Whether the erasure in the archive's files is complete."""

    COMPLETE = "COMPLETE"
    PENDING = "PENDING"


CODES = {
    TwilioOutcome.LEGAL_HOLD: DeleteInteractionErrorCode.LEGAL_HOLD,
    TwilioOutcome.REFUSED: DeleteInteractionErrorCode.UPSTREAM_REFUSED,
    TwilioOutcome.UNAVAILABLE: DeleteInteractionErrorCode.UPSTREAM_UNAVAILABLE,
    TwilioOutcome.UNCERTAIN: DeleteInteractionErrorCode.UPSTREAM_UNAVAILABLE,
}


class DeletionError(msgspec.Struct, frozen=True):
    """Why a deletion did not happen: a code for programs, a sentence for people, the input field at fault."""

    code: DeleteInteractionErrorCode
    message: str
    field: list[str] | None


class RemainingResource(msgspec.Struct, frozen=True):
    """A Message or Call that Twilio keeps."""

    sid: str
    type: str
    url: str | None


class Deletion(msgspec.Struct, frozen=True):
    """The outcome of a deletion."""

    client_mutation_id: str | None
    deleted_interaction_id: str | None
    session_sid: str | None
    remaining_resources: list[RemainingResource]
    user_errors: list[DeletionError]
    erasure: Erasure | None = None
    at_twilio: AtTwilio | None = None


async def delete_interaction(
    info: Info, sid: str, service_sid: str | None, session_sid: str | None, client_mutation_id: str | None
) -> Deletion:
    """Deletes the Interaction ``sid``, if it is under the given Service and Session where they are given.

    Raises Forbidden without the scope for it, BadInput for a malformed SID, Busy if another process holds the write
    lock for too long.
    """
    info.context.access.demand(Scope.DELETE, "deleteInteraction")
    sid_of(Interaction, sid)
    guards = {
        "service_sid": None if service_sid is None else sid_of(Service, service_sid),
        "session_sid": None if session_sid is None else sid_of(Session, session_sid),
    }
    interaction = await load_record(info, Interaction, sid)
    if interaction is None:
        message = f"There is no Interaction {sid}; it may be deleted already."
        return _failed(client_mutation_id, DeleteInteractionErrorCode.NOT_FOUND, message, "sid")
    for guard, expected in guards.items():
        if expected is not None and getattr(interaction, guard) != expected:
            message = f"The Interaction {sid} is not under {expected}."
            return _failed(client_mutation_id, DeleteInteractionErrorCode.NOT_FOUND, message, guard)
    context = info.context
    # An open read transaction would keep SQLite's log from being emptied, and would not see the deletion.
    await context.release()
    try:
        answer = await erase_everywhere(context.archive, context.upstream, interaction, context.access.name)
    except DatabaseLocked as error:
        raise Busy from error
    finally:
        context.loaders.forget()
    return _payload(client_mutation_id, interaction, answer)


def session(root: Deletion, info: Info) -> Awaitable[Session | None] | None:
    """``DeleteInteractionPayload.session``, in its state after the deletion."""
    return load_record(info, Session, root.session_sid) if root.session_sid else None


def _payload(client_mutation_id: str | None, interaction: Interaction, answer: Answer) -> Deletion:
    at_twilio = AT_TWILIO.get(answer.outcome)
    if answer.outcome not in ERASES_HERE:
        failed = _failed(client_mutation_id, CODES[answer.outcome], answer.message, None)
        return msgspec.structs.replace(failed, at_twilio=at_twilio)
    return Deletion(
        client_mutation_id,
        interaction.sid,
        interaction.session_sid,
        list(_remaining(interaction)),
        [],
        Erasure.COMPLETE if answer.is_clean else Erasure.PENDING,
        at_twilio,
    )


def _remaining(interaction: Interaction) -> Iterator[RemainingResource]:
    legs: tuple[Leg | None, ...] = (interaction.inbound, interaction.outbound)
    for leg in legs:
        if leg and leg.resource_sid:
            yield RemainingResource(leg.resource_sid, leg.resource_type or "unknown", leg.resource_url)


def _failed(
    client_mutation_id: str | None, code: DeleteInteractionErrorCode, message: str, field: str | None
) -> Deletion:
    path = ["input", field.replace("_sid", "Sid")] if field else None
    return Deletion(client_mutation_id, None, None, [], [DeletionError(code, message, path)])
