"""What Twilio no longer shows: whether it was deleted on purpose, taken by retention, or only missed in a list.

A list that lacks something is a hint; a fetch answered 404 confirms it (lists drift while they are paged). An
interaction that is gone from a session that still stands was deleted on purpose: it is erased here too. A session
that was closed 90 days ago or more was taken by Twilio's retention: it is kept, and marked. One that is gone
earlier was deleted on purpose, with what it held. Nothing is erased before everything is confirmed.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from gateway.sync.crawl import Walk
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioMissing
from store import erasure
from store import twilio_mapping as rest
from store.archive import Archive
from store.sessions import Session
from store.sqlite.statements.lookups import Lookup
from store.sync import state as sync_state
from store.sync.state import Progress

RETENTION = timedelta(days=90)
ALWAYS_ALLOWED = 20
"""So many erasures never need a flag, however small the archive is."""


class TooMuchGone(Exception):
    """A run would erase a large share of the archive; its text is a sentence that says what to do."""


class Rules(NamedTuple):
    """What to do with what vanished."""

    keep: bool = False
    erase_share: float = 0.01
    erase_anyway: bool = False


class Gone(NamedTuple):
    """What is confirmed to be gone at Twilio."""

    interactions: list[str]
    deleted_sessions: list[str]
    retired_sessions: list[str]
    services: list[str]


async def confirm(archive: Archive, twilio: Twilio, walk: Walk) -> Gone:
    """Asks Twilio for each suspect; what is there after all is read."""
    gone, suspects = Gone([], [], [], []), walk.suspects
    for service_sid in suspects.services:
        if await _missing(twilio, "Services", service_sid):
            gone.services.append(service_sid)
            sessions = await sync_state.sids(archive, sync_state.STANDING_SESSIONS, service_sid)
            await _judge(archive, gone, sessions)
    for service_sid, session_sid in suspects.sessions:
        if await _missing(twilio, "Services", service_sid, "Sessions", session_sid):
            await _judge(archive, gone, [session_sid])
        else:
            await walk.read_session(service_sid, session_sid)
    sessions_gone = {*gone.deleted_sessions, *gone.retired_sessions}
    standing: set[str] = set()
    for service_sid, session_sid, sid in suspects.interactions:
        path = ("Services", service_sid, "Sessions", session_sid)
        if session_sid in sessions_gone or not await _missing(twilio, *path, "Interactions", sid):
            continue
        if session_sid not in standing and await _missing(twilio, *path):
            await _judge(archive, gone, [session_sid])
            sessions_gone.add(session_sid)
            continue
        standing.add(session_sid)
        gone.interactions.append(sid)
    return gone


async def apply(archive: Archive, gone: Gone, rules: Rules, progress: Progress) -> None:
    """Marks what retention took, and erases what was deleted. Raises TooMuchGone before the first erasure."""
    retired = [*gone.retired_sessions, *(gone.deleted_sessions if rules.keep else ())]
    async with archive.writer.transaction() as transaction:
        for sid in retired:
            progress.archived += await sync_state.archive_session(transaction, sid)
    if rules.keep:
        return
    ((total,),) = await archive.fetch(sync_state.COUNT_INTERACTIONS)
    doomed = len(gone.interactions)
    for sid in gone.deleted_sessions:
        doomed += len(await sync_state.sids(archive, sync_state.HELD_INTERACTIONS, sid))
    allowed = max(ALWAYS_ALLOWED, int(total * rules.erase_share))
    if max(doomed, len(gone.deleted_sessions)) > allowed and not rules.erase_anyway:
        raise TooMuchGone(
            f"Twilio no longer has {doomed:,} of the {total:,} interactions here, {len(gone.deleted_sessions):,} whole "
            f"sessions among them; a run erases up to {allowed:,} unasked. Nothing was erased. If they were deleted on "
            "purpose, run it again with --erase; to keep them, with --keep."
        )
    progress.erased += doomed
    await erasure.erase_vanished(archive, gone.interactions, gone.deleted_sessions, "sync")
    async with archive.writer.transaction() as transaction:
        for sid in gone.services:
            await transaction.execute(sync_state.REMOVE_SERVICE, {"sid": sid})


async def _missing(twilio: Twilio, *path: str) -> bool:
    try:
        await twilio.fetch(*path)
    except TwilioMissing:
        return True
    return False


async def _judge(archive: Archive, gone: Gone, session_sids: list[str]) -> None:
    bound = rest.instant((datetime.now(UTC) - RETENTION).isoformat())
    for session in await archive.reader().read(Lookup(Session), session_sids):
        if session is None:
            continue
        ended = session.date_ended or session.date_updated
        if session.status != "closed":
            # It may have been closed after it was last seen, and only then have been taken.
            ended = await sync_state.last_seen(archive, session.sid) or ended
        (gone.retired_sessions if ended <= bound else gone.deleted_sessions).append(session.sid)
