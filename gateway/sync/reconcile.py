"""What Twilio no longer shows: whether it was deleted on purpose, taken by retention, or only missed in a list.

A list that lacks something is a hint; Twilio's own 404 confirms it (lists drift while they are paged), and only while
what is above it was just seen to stand. An interaction that is gone from a session that still stands was deleted on
purpose: it is erased here too. A session that was closed 90 days ago or more was taken by Twilio's retention: it is
kept, and marked. One that is gone earlier was deleted on purpose, with what it held. Nothing is erased before
everything is confirmed.
"""

from typing import NamedTuple

from gateway.sync.crawl import Crawl
from gateway.sync.retention import Gone, classify
from gateway.sync.setting_aside import ODD
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioMissing
from store import erasure
from store.archive import Archive
from store.sync import listings, state
from store.sync.runs import Progress

ALWAYS_ALLOWED = 20
"""So many erasures never need a flag, however small the archive is."""


class TooMuchGone(Exception):
    """A run would erase a large share of the archive; its text is a sentence that says what to do."""


class Rules(NamedTuple):
    """What to do with what vanished."""

    keep: bool = False
    erase_share: float = 0.01
    erase_anyway: bool = False


class Confirmation:
    """Asks Twilio for each candidate; what is there after all is read."""

    def __init__(self, archive: Archive, twilio: Twilio, crawl: Crawl) -> None:
        self._archive, self._twilio, self._crawl = archive, twilio, crawl
        self._gone = Gone([], [], [], [])
        self._standing: dict[tuple[str, ...], bool] = {}

    async def confirmed(self) -> Gone:
        """What is gone. Raises a TwilioError where more than one resource can't be asked for."""
        for service_sid in list(self._crawl.candidates.services):
            if await self._stands("Services", service_sid):
                self._crawl.leave_out_service(service_sid)
        for service_sid, session_sid in self._crawl.candidates.sessions:
            try:
                await self._confirm_session(service_sid, session_sid)
            except ODD as error:
                await self._crawl.leave_out(service_sid, session_sid, error)
        for service_sid, session_sid, sid in list(self._crawl.candidates.interactions):
            try:
                await self._confirm_interaction(service_sid, session_sid, sid)
            except ODD as error:
                await self._crawl.leave_out(service_sid, session_sid, error)
        return self._gone

    async def _confirm_session(self, service_sid: str, session_sid: str) -> None:
        if self._is_gone(service_sid, session_sid):
            return
        if not await self._missing("Services", service_sid, "Sessions", session_sid):
            await self._crawl.read_session(service_sid, session_sid)
        elif await self._stands("Services", service_sid):
            await classify(self._archive, self._gone, [session_sid])

    async def _confirm_interaction(self, service_sid: str, session_sid: str, sid: str) -> None:
        path = ("Services", service_sid, "Sessions", session_sid)
        if self._is_gone(service_sid, session_sid) or not await self._missing(*path, "Interactions", sid):
            return
        if path in self._standing or not await self._missing(*path):
            self._standing[path] = True
            self._gone.interactions.append(sid)
        elif await self._stands("Services", service_sid):
            await classify(self._archive, self._gone, [session_sid])

    async def _stands(self, *path: str) -> bool:
        """Whether the Service at ``path`` stands; where it doesn't, it is gone, and so are its sessions."""
        if path not in self._standing:
            self._standing[path] = not await self._missing(*path)
            if not self._standing[path]:
                self._gone.services.append(path[-1])
                sessions = await listings.standing_sessions(self._archive, path[-1])
                known = {*self._gone.deleted_sessions, *self._gone.retired_sessions}
                await classify(self._archive, self._gone, [sid for sid in sessions if sid not in known])
        return self._standing[path]

    def _is_gone(self, service_sid: str, session_sid: str) -> bool:
        gone = self._gone
        return (
            service_sid in gone.services or session_sid in gone.deleted_sessions or session_sid in gone.retired_sessions
        )

    async def _missing(self, *path: str) -> bool:
        try:
            await self._twilio.fetch(*path)
        except TwilioMissing:
            return True
        return False


async def apply(archive: Archive, gone: Gone, rules: Rules, progress: Progress, services_stand: bool) -> None:
    """Marks what retention took or is to be kept, and erases what was deleted.

    Raises TooMuchGone before the first mark and the first erasure.
    """
    if not rules.keep:
        gone = await _sparing_kept(archive, gone)
        await _demand_little(archive, gone, rules, services_stand)
    archived = 0
    async with archive.writer.transaction() as transaction:
        for sid in gone.retired_sessions:
            archived += await state.archive_session(transaction, sid)
        if rules.keep:
            for sid in gone.deleted_sessions:
                archived += await state.keep_session(transaction, sid)
            for sid in gone.interactions:
                await state.keep_interaction(transaction, sid)
    progress.archived += archived
    if rules.keep:
        return
    doomed = len(gone.interactions) + await _interactions_of(archive, gone.deleted_sessions)
    await erasure.erase_vanished(archive, gone.interactions, gone.deleted_sessions, "sync")
    progress.erased += doomed
    async with archive.writer.transaction() as transaction:
        for sid in gone.services if services_stand or rules.erase_anyway else ():
            await transaction.execute(state.REMOVE_SERVICE, {"sid": sid})


async def _sparing_kept(archive: Archive, gone: Gone) -> Gone:
    """``gone``, where a deleted session that holds kept interactions stays, and loses the others."""
    kept = await listings.among(archive, listings.WITH_KEPT, gone.deleted_sessions)
    others = [
        sid for session in sorted(kept) for sid in await listings.sids(archive, listings.HELD_INTERACTIONS, session)
    ]
    return gone._replace(
        interactions=gone.interactions + others,
        deleted_sessions=[sid for sid in gone.deleted_sessions if sid not in kept],
        retired_sessions=gone.retired_sessions + sorted(kept),
    )


async def _demand_little(archive: Archive, gone: Gone, rules: Rules, services_stand: bool) -> None:
    if rules.erase_anyway:
        return
    ((total,),) = await archive.fetch(state.COUNT_INTERACTIONS)
    doomed = len(gone.interactions) + await _interactions_of(archive, gone.deleted_sessions)
    allowed = max(ALWAYS_ALLOWED, int(total * rules.erase_share))
    sessions = len(gone.deleted_sessions)
    if not services_stand and (gone.deleted_sessions or gone.retired_sessions):
        raise TooMuchGone(
            f"Twilio shows no Service at all any more, but the archive holds {total:,} interactions. Nothing was "
            "erased, and nothing marked. If the account was emptied on purpose, run it again with --erase; to keep "
            "what is here, with --keep."
        )
    if max(doomed, sessions) > allowed:
        raise TooMuchGone(
            f"Twilio no longer has {doomed:,} of the {total:,} interactions here, {sessions:,} whole "
            f"sessions among them; a run erases up to {allowed:,} unasked. Nothing was erased. If they were deleted on "
            "purpose, run it again with --erase; to keep them, with --keep."
        )


async def _interactions_of(archive: Archive, session_sids: list[str]) -> int:
    return sum([len(await listings.sids(archive, listings.HELD_INTERACTIONS, sid)) for sid in session_sids])
