"""What Twilio's retention took, and what somebody deleted: told apart by dates that are evidence."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from store.archive import Archive
from store.sessions import Session
from store.sqlite.statements.lookups import Lookup
from store.sync import listings
from store.twilio_mapping import instant

RETENTION = timedelta(days=90)


class Gone(NamedTuple):
    """What is confirmed to be gone at Twilio."""

    interactions: list[str]
    deleted_sessions: list[str]
    retired_sessions: list[str]
    services: list[str]


async def classify(archive: Archive, gone: Gone, session_sids: list[str]) -> None:
    """Puts each session that is gone among those that retention took, or those that were deleted.

    Retention takes a session that was closed 90 days ago. One that was not closed when Twilio last showed it, in a
    listing or by its contents, can have been closed at that moment at the earliest.
    """
    bound = instant((datetime.now(UTC) - RETENTION).isoformat())
    for session in await archive.reader().read(Lookup(Session), session_sids):
        if session is None:
            continue
        ended = session.date_ended or session.date_updated
        if session.status != "closed":
            ended = await listings.last_shown(archive, session.sid) or ended
        (gone.retired_sessions if ended <= bound else gone.deleted_sessions).append(session.sid)
