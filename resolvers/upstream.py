"""Deleting at Twilio and here, which asks of the outside that Twilio deletes it too. gateway/ answers for Twilio."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from store import erasure, ledger
from store.archive import Archive
from store.interactions import Interaction
from store.ledger import Address, AtTwilio
from store.twilio_mapping import instant


class Outcome(StrEnum):
    """What came of deleting at Twilio."""

    DELETED = "deleted"
    GONE = "gone"
    NOT_CONNECTED = "not_connected"
    HELD = "held"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNCERTAIN = "uncertain"


UNDER_WAY = timedelta(minutes=10)
"""A request may be about its own wish for so long: the client's attempts take no longer."""
LETS_GO = (Outcome.DELETED, Outcome.GONE, Outcome.NOT_CONNECTED)
"""After these the row goes here."""
AT_TWILIO = {
    Outcome.DELETED: AtTwilio.DELETED,
    Outcome.GONE: AtTwilio.ALREADY_GONE,
    Outcome.NOT_CONNECTED: AtTwilio.NOT_CONNECTED,
    Outcome.HELD: AtTwilio.REFUSED,
    Outcome.REFUSED: AtTwilio.REFUSED,
    Outcome.UNCERTAIN: AtTwilio.PENDING,
}
"""What the ledger and the client are told; nothing where Twilio surely was not asked with success."""


class Answer(NamedTuple):
    """The outcome, a sentence about it where the row stays, and whether no byte of the row is left here."""

    outcome: Outcome
    message: str = ""
    is_clean: bool = True


class Upstream(Protocol):
    """Twilio, as far as a deletion needs it."""

    @property
    def account_sid(self) -> str:
        """The account that it deletes of."""
        ...

    async def delete_interaction(self, service_sid: str, session_sid: str, sid: str) -> Answer:
        """Deletes an Interaction there. GONE where Twilio had it no more.

        UNAVAILABLE where Twilio surely did not do it, UNCERTAIN where it may have: the answer got lost.
        """
        ...


async def erase_everywhere(
    archive: Archive, upstream: Upstream | None, interaction: Interaction, requested_by: str
) -> Answer:
    """Deletes at Twilio, where there is one, and then here; what Twilio refuses is kept here too.

    The wish stays in the ledger where it is uncertain whether Twilio did it, to be finished later. So does what was
    deleted here without Twilio, to be caught up with once an account is connected.
    """
    is_new = await erasure.intend(archive, interaction, requested_by, at_twilio=upstream is not None)
    address = Address(interaction.sid, interaction.session_sid, interaction.service_sid, interaction.account_sid)
    answer = Answer(Outcome.NOT_CONNECTED) if upstream is None else await _asked(upstream, address)
    if answer.outcome in LETS_GO:
        is_clean = await erasure.erase(archive, interaction.sid, twilio=AT_TWILIO[answer.outcome])
        return answer._replace(is_clean=is_clean)
    if answer.outcome is Outcome.HELD or (is_new and answer.outcome is not Outcome.UNCERTAIN):
        await erasure.withdraw(archive, interaction.sid)
        return answer
    # The answer to this wish, or to an earlier one, got lost: Twilio may have done it.
    await erasure.note_at_twilio(archive, interaction.sid, AtTwilio.PENDING)
    if answer.outcome is Outcome.UNCERTAIN:
        return answer
    earlier = "What an earlier attempt did is not known; it is finished as soon as Twilio can be asked."
    return Answer(Outcome.UNCERTAIN, f"{answer.message} {earlier}")


async def finish_deletions(archive: Archive, upstream: Upstream | None, at_start: bool = True) -> tuple[int, int]:
    """Finishes what was cut off between the wish and the erasure, and catches up with Twilio on what went here alone.

    Returns how many were finished, and how many are left until Twilio can be asked. ``at_start`` no request has begun;
    later, wishes younger than UNDER_WAY are left to their requests, and what Twilio has refused is not asked for again.
    """
    finished, left = await erasure.recover(archive) if at_start else 0, 0
    before = instant((datetime.now(UTC) - (timedelta() if at_start else UNDER_WAY)).isoformat())
    for address in await ledger.waiting(archive, before):
        outcome = (await _asked(upstream, address)).outcome if upstream else Outcome.UNAVAILABLE
        if outcome in LETS_GO:
            await erasure.erase(archive, address.sid, twilio=AT_TWILIO[outcome])
        elif outcome is Outcome.HELD:
            await erasure.withdraw(archive, address.sid)
        else:
            left += 1
            continue
        finished += 1
    states = [AtTwilio.NOT_CONNECTED, *((AtTwilio.REFUSED,) if at_start else ())]
    for address in await ledger.not_at_twilio(archive, states) if upstream else ():
        outcome = (await _asked(upstream, address)).outcome if upstream else Outcome.UNAVAILABLE
        if outcome in (Outcome.UNAVAILABLE, Outcome.UNCERTAIN):
            left += 1
            continue
        await erasure.note_at_twilio(archive, address.sid, AT_TWILIO[outcome])
        finished += outcome in LETS_GO
    return finished, left


async def _asked(upstream: Upstream, address: Address) -> Answer:
    if address.account_sid.lower() != upstream.account_sid.lower():
        # Its 404 would say nothing of another account's.
        message = f"{address.sid} belongs to {address.account_sid}, but Twilio is asked for {upstream.account_sid}."
        return Answer(Outcome.REFUSED, f"{message} It stays here.")
    return await upstream.delete_interaction(address.service_sid, address.session_sid, address.sid)
