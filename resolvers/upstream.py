"""Deleting at Twilio and here, which asks of the outside that Twilio deletes it too. gateway/ answers for Twilio."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from store import erasure
from store.archive import Archive
from store.interactions import Interaction


class Outcome(StrEnum):
    """What came of deleting at Twilio."""

    GONE = "gone"
    HELD = "held"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNCERTAIN = "uncertain"


class Answer(NamedTuple):
    """The outcome, a sentence about it where it is not GONE, and whether no byte of the row is left here."""

    outcome: Outcome
    message: str = ""
    is_clean: bool = True


class Upstream(Protocol):
    """Twilio, as far as a deletion needs it."""

    async def delete_interaction(self, service_sid: str, session_sid: str, sid: str) -> Answer:
        """Deletes an Interaction there. GONE also where it was gone before: 404.

        UNAVAILABLE where Twilio surely did not do it, UNCERTAIN where it may have: the answer got lost.
        """
        ...


async def erase_everywhere(
    archive: Archive, upstream: Upstream | None, interaction: Interaction, requested_by: str
) -> Answer:
    """Deletes at Twilio, where there is one, and then here; what Twilio refuses is kept here too.

    The wish stays in the ledger where it is uncertain whether Twilio did it, to be finished later.
    """
    await erasure.intend(archive, interaction, requested_by, at_twilio=upstream is not None)
    if upstream is not None:
        answer = await upstream.delete_interaction(interaction.service_sid, interaction.session_sid, interaction.sid)
        if answer.outcome is Outcome.UNCERTAIN:
            return answer
        if answer.outcome is not Outcome.GONE:
            await erasure.withdraw(archive, interaction.sid)
            return answer
    return Answer(Outcome.GONE, is_clean=await erasure.erase(archive, interaction.sid))


async def finish_deletions(archive: Archive, upstream: Upstream | None) -> tuple[int, int]:
    """Finishes what was cut off between the wish and the erasure; returns how many were finished, and are left.

    What Twilio was to delete too waits until Twilio can be asked.
    """
    finished = await erasure.recover(archive)
    left = 0
    for sid, session_sid, service_sid in await erasure.waiting_for_twilio(archive):
        answer = Answer(Outcome.UNAVAILABLE)
        if upstream is not None:
            answer = await upstream.delete_interaction(service_sid, session_sid, sid)
        if answer.outcome is Outcome.GONE:
            await erasure.erase(archive, sid)
            finished += 1
        elif answer.outcome in (Outcome.HELD, Outcome.REFUSED):
            await erasure.withdraw(archive, sid)
            finished += 1
        else:
            left += 1
    return finished, left
