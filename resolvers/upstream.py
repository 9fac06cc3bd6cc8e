"""Deletes an Interaction at Twilio and here. gateway/twilio/upstream.py implements the Upstream."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger
from store.erasure.ledger import AtTwilio, TwilioAddress
from store.interactions import Interaction
from store.twilio_mapping import instant


class TwilioOutcome(StrEnum):
    """The outcome of a deletion at Twilio."""

    DELETED = "deleted"
    ALREADY_GONE = "already_gone"
    NOT_CONNECTED = "not_connected"
    LEGAL_HOLD = "legal_hold"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNCERTAIN = "uncertain"


LONGEST_REQUEST = timedelta(minutes=10)
"""The longest time that a deletion at Twilio may take, with all retries."""
ERASES_HERE = (TwilioOutcome.DELETED, TwilioOutcome.ALREADY_GONE, TwilioOutcome.NOT_CONNECTED)
"""After these outcomes the row is erased here."""
AT_TWILIO = {
    TwilioOutcome.DELETED: AtTwilio.DELETED,
    TwilioOutcome.ALREADY_GONE: AtTwilio.ALREADY_GONE,
    TwilioOutcome.NOT_CONNECTED: AtTwilio.NOT_CONNECTED,
    TwilioOutcome.LEGAL_HOLD: AtTwilio.REFUSED,
    TwilioOutcome.REFUSED: AtTwilio.REFUSED,
    TwilioOutcome.UNCERTAIN: AtTwilio.PENDING,
}
"""What the ledger stores and the API shows. UNAVAILABLE has no value: Twilio certainly did not process it."""


class Answer(NamedTuple):
    """The outcome, a sentence about it if the row stays, and whether no byte of the row is left here."""

    outcome: TwilioOutcome
    message: str = ""
    is_clean: bool = True


class RequestedDeletion(NamedTuple):
    """A deletion that was requested at Twilio: its address, whether its ledger entry is new, and the answer."""

    address: TwilioAddress
    is_new: bool
    answer: Answer


class Upstream(Protocol):
    """Twilio's side of a deletion."""

    @property
    def account_sid(self) -> str:
        """The SID of the Twilio account."""
        ...

    async def delete_interaction(self, service_sid: str, session_sid: str, sid: str) -> Answer:
        """Deletes an Interaction at Twilio. The outcome is ALREADY_GONE if Twilio no longer had it.

        It is UNAVAILABLE if Twilio certainly didn't delete it, UNCERTAIN if it may have because the answer got lost.
        """
        ...


async def erase_everywhere(
    archive: Archive, upstream: Upstream | None, interaction: Interaction, requested_by: str
) -> Answer:
    """Deletes at Twilio, if an account is connected, and then here; keeps the row if Twilio refuses.

    If it is uncertain whether Twilio deleted it, the request stays in the ledger and is finished later. Without an
    account, the ledger keeps the deletion, and it is repeated at Twilio once an account is connected.
    """
    is_new = await erasure.request(archive, interaction, requested_by, at_twilio=upstream is not None)
    address = TwilioAddress(interaction.sid, interaction.session_sid, interaction.service_sid, interaction.account_sid)
    (settled,) = await settle(archive, [RequestedDeletion(address, is_new, await ask(upstream, address))])
    return settled


async def request_all(
    archive: Archive, upstream: Upstream | None, sids: Sequence[str], requested_by: str
) -> list[tuple[TwilioAddress, bool]]:
    """Requests the deletion of many Interactions; returns the addresses that are not erased, and which are new.

    ``ask`` and ``settle`` then do for them what ``erase_everywhere`` does for one.
    """
    new = await erasure.request_all(archive, sids, requested_by, at_twilio=upstream is not None)
    return [(address, address.sid in new) for address in await ledger.not_erased(archive, sids)]


async def ask(upstream: Upstream | None, address: TwilioAddress) -> Answer:
    """Deletes the Interaction at Twilio, if an account is connected, and returns the answer."""
    if upstream is None:
        return Answer(TwilioOutcome.NOT_CONNECTED)
    if address.account_sid.lower() != upstream.account_sid.lower():
        # A 404 for another account's resource proves nothing.
        message = f"{address.sid} belongs to {address.account_sid}, but Twilio is asked for {upstream.account_sid}."
        return Answer(TwilioOutcome.REFUSED, f"{message} It stays here.")
    return await upstream.delete_interaction(address.service_sid, address.session_sid, address.sid)


async def settle(archive: Archive, asked: Sequence[RequestedDeletion]) -> list[Answer]:
    """Erases here, in one transaction, what Twilio no longer has; returns the answers in order.

    Rows that Twilio refuses to delete stay, and their requests are withdrawn. If Twilio may have deleted a row, its
    request stays.
    """
    gone = {each.address.sid: AT_TWILIO[each.answer.outcome] for each in asked if each.answer.outcome in ERASES_HERE}
    is_clean = await erasure.erase_all(archive, gone) if gone else True
    return [
        each.answer._replace(is_clean=is_clean) if each.address.sid in gone else await _not_erased(archive, each)
        for each in asked
    ]


async def _not_erased(archive: Archive, asked: RequestedDeletion) -> Answer:
    sid, answer = asked.address.sid, asked.answer
    if answer.outcome is TwilioOutcome.LEGAL_HOLD or (asked.is_new and answer.outcome is not TwilioOutcome.UNCERTAIN):
        await erasure.withdraw_request(archive, sid, held=answer.outcome is TwilioOutcome.LEGAL_HOLD)
        return answer
    # The answer to this request, or to an earlier one, got lost: Twilio may have deleted it.
    await erasure.note_at_twilio(archive, sid, AtTwilio.PENDING)
    if answer.outcome is TwilioOutcome.UNCERTAIN:
        return answer
    earlier = "The outcome of an earlier attempt is unknown; it is settled as soon as Twilio can be reached."
    return Answer(TwilioOutcome.UNCERTAIN, f"{answer.message} {earlier}")


async def repeat_at_twilio(archive: Archive, upstream: Upstream, address: TwilioAddress) -> TwilioOutcome:
    """Deletes at Twilio what is erased here already, and stores the outcome if it is certain."""
    outcome = (await ask(upstream, address)).outcome
    if outcome not in (TwilioOutcome.UNAVAILABLE, TwilioOutcome.UNCERTAIN):
        await erasure.note_at_twilio(archive, address.sid, AT_TWILIO[outcome])
    return outcome


async def finish_deletions(archive: Archive, upstream: Upstream | None, at_start: bool = True) -> tuple[int, int]:
    """Finishes interrupted deletions, and deletes at Twilio what was only deleted here.

    Returns how many were finished, and how many are still pending at Twilio. ``at_start`` says that no request is in
    progress. Later, requests younger than LONGEST_REQUEST are skipped, and refused deletions aren't retried.
    """
    finished, left = await erasure.recover(archive) if at_start else 0, 0
    before = instant((datetime.now(UTC) - (timedelta() if at_start else LONGEST_REQUEST)).isoformat())
    for address in await ledger.pending_at_twilio(archive, before):
        outcome = (await ask(upstream, address)).outcome if upstream else TwilioOutcome.UNAVAILABLE
        if outcome in ERASES_HERE:
            await erasure.erase(archive, address.sid, twilio=AT_TWILIO[outcome])
        elif outcome is TwilioOutcome.LEGAL_HOLD:
            await erasure.withdraw_request(archive, address.sid, held=True)
        else:
            left += 1
            continue
        finished += 1
    states = [AtTwilio.NOT_CONNECTED, *((AtTwilio.REFUSED,) if at_start else ())]
    for address in await ledger.not_at_twilio(archive, states) if upstream else ():
        outcome = await repeat_at_twilio(archive, upstream, address) if upstream else TwilioOutcome.UNAVAILABLE
        left += outcome in (TwilioOutcome.UNAVAILABLE, TwilioOutcome.UNCERTAIN)
        finished += outcome in ERASES_HERE
    return finished, left
