"""Classifies Sessions that are gone at Twilio, by their dates: expired by retention, or deleted on purpose."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from store.engine.protocols import Archive
from store.queries.lookups import Lookup
from store.sessions import Session
from store.sync import listings
from store.twilio_mapping import instant

RETENTION = timedelta(days=90)


class Gone(NamedTuple):
    """SIDs that are confirmed to be gone at Twilio."""

    interactions: list[str]
    deleted_sessions: list[str]
    expired_sessions: list[str]
    services: list[str]


async def classify(archive: Archive, gone: Gone, session_sids: list[str]) -> None:
    """Adds each Session to ``gone``, to those that expired or to those that were deleted.

    Twilio removes a Session 90 days after it was closed. If the Session was open when Twilio last showed it, in a list
    or by its contents, it was closed at that time at the earliest.
    """
    bound = instant((datetime.now(UTC) - RETENTION).isoformat())
    for session in await archive.reader().read(Lookup(Session), session_sids):
        if session is None:
            continue
        ended = session.date_ended or session.date_updated
        if session.status != "closed":
            ended = await listings.last_seen(archive, session.sid) or ended
        (gone.expired_sessions if ended <= bound else gone.deleted_sessions).append(session.sid)
