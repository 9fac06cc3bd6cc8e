"""Erases the Participants of a case that have no Interactions left, and reports what Twilio still has of them.

Twilio deletes a Participant only with its Session. A Participant that is removed from a live Session stays there with a
date_deleted (Twilio's Participant page). So the case says what Twilio still has, but that doesn't prevent the erasure.
"""

import asyncio

from gateway.erasure.at_twilio import ErasureUpstream
from gateway.erasure.deletions import ErasureProgress, patiently
from gateway.twilio.errors import TwilioError, TwilioMissing
from store.engine.protocols import Archive
from store.erasure import cases, interactions, participants, selections
from store.erasure.cases import CaseOutcome, CaseWriter, ItemOutcome, SelectedParticipant
from store.erasure.selections import Question

AT_ONCE = 100

NOT_ASKED = "Twilio was not asked, and may still have it."
LIVE = "Twilio still has it, in a live session; --remove-participants removes it there."
REMOVED = "It is removed from its session at Twilio, which keeps it, marked as removed, until it deletes the session."
OVER = "Twilio still has it, in a session that ended{when}; Twilio deletes that 90 days after it was closed."
NOT_KNOWN = "It is unknown whether Twilio still has it. {error}"
NOT_REMOVED = "It could not be removed at Twilio, so it stays here too. {error}"
HAS_INTERACTIONS = "It stays, because some of its interactions stay."


class Participants:
    """The Participants of one run of a case."""

    def __init__(
        self,
        archive: Archive,
        upstream: ErasureUpstream | None,
        case: CaseWriter,
        requested_by: str,
        progress: ErasureProgress,
    ) -> None:
        self._archive, self._upstream, self._case = archive, upstream, case
        self._requested_by, self._progress = requested_by, progress
        self._selected: list[SelectedParticipant] = []
        self._removed: set[str] = set()
        self._not_removed: dict[str, TwilioError] = {}

    async def add(self, question: Question) -> None:
        """Adds the Participants that ``question`` selects to the case."""
        self._selected = await cases.selected_participants(
            self._archive, await selections.participants(self._archive, question)
        )
        await self._case.add(participant.sid for participant in self._selected)

    async def remove_at_twilio(self) -> None:
        """Removes them from live Sessions at Twilio, so that they get no more messages."""
        for participant in self._selected if self._upstream else ():
            if participant.is_archived or participant.is_removed:
                continue
            try:
                await self._remove(participant)
            except TwilioMissing:
                continue
            except TwilioError as error:
                self._not_removed[participant.sid] = error

    async def _remove(self, participant: SelectedParticipant) -> None:
        if self._upstream and (await self._upstream.session(participant.service_sid, participant.session_sid)).is_live:
            await self._upstream.remove_participant(participant.service_sid, participant.session_sid, participant.sid)
            self._removed.add(participant.sid)

    async def erase(self) -> None:
        """Erases those that have no Interactions left, and stores the outcome of each."""
        for start in range(0, len(self._selected), AT_ONCE):
            some = self._selected[start : start + AT_ONCE]
            removable = [participant.sid for participant in some if participant.sid not in self._not_removed]
            erased = await patiently(participants.request, self._archive, removable, self._requested_by)
            if erased:
                await patiently(interactions.erase, self._archive, *sorted(erased))
            self._progress.participants += len(erased)
            items = await asyncio.gather(*(self._item(participant, participant.sid in erased) for participant in some))
            await patiently(self._case.set_outcomes, items)

    async def _item(self, participant: SelectedParticipant, is_erased: bool) -> ItemOutcome:
        if error := self._not_removed.get(participant.sid):
            return ItemOutcome(participant.sid, CaseOutcome.FAILED, NOT_REMOVED.format(error=error))
        if not is_erased:
            return ItemOutcome(participant.sid, CaseOutcome.KEPT, HAS_INTERACTIONS)
        return ItemOutcome(participant.sid, CaseOutcome.ERASED, await self._left_at_twilio(participant))

    async def _left_at_twilio(self, participant: SelectedParticipant) -> str | None:
        """A sentence about what Twilio still has of it; None if it has nothing."""
        if self._upstream is None:
            return None if participant.is_archived else NOT_ASKED
        try:
            session = await self._upstream.session(participant.service_sid, participant.session_sid)
        except TwilioError as error:
            return NOT_KNOWN.format(error=error)
        if session.is_gone:
            return None
        if participant.is_removed or participant.sid in self._removed:
            return REMOVED
        return LIVE if session.is_live else OVER.format(when=f" on {session.ended[:10]}" if session.ended else "")
