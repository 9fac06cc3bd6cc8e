"""Reads one Session: its Participants and Interactions, page by page, into the write buffer.

Twilio pages a list by offset. If a row is deleted while the list is read, the rows behind it move forward, and one may
fall between two pages. So a Session whose lists had several pages is *unconfirmed*: the next run reads it again, until
a run finds no new row. That is one more read of each changed Session with more than a page (100) of rows.
"""

import logging
from typing import TypeVar

from gateway.sync.write_buffer import WriteBuffer
from gateway.twilio.client import Body, Twilio
from store import twilio_mapping
from store.columns import Record
from store.engine.protocols import Archive
from store.errors import BodyRejected
from store.interactions import Interaction
from store.participants import Participant
from store.sessions import Session
from store.sync import listings

R = TypeVar("R", bound=Record)
log = logging.getLogger("proxygraph.sync")


def record(record_type: type[R], body: Body, twilio: Twilio, **parents: str) -> R | None:
    """``body`` as a record; logs a warning and returns None if it isn't valid."""
    try:
        return twilio_mapping.record(record_type, body, account_sid=twilio.account_sid, **parents)
    except BodyRejected as error:
        log.warning("Left out of the archive: %s", error)
        return None


class SessionReader:
    """Reads Sessions. ``missing`` has the Interactions that the archive has and a list lacked."""

    def __init__(self, archive: Archive, twilio: Twilio, buffer: WriteBuffer) -> None:
        self._archive, self._twilio, self._buffer = archive, twilio, buffer
        self.missing: list[tuple[str, str, str]] = []

    async def read(self, session: Session, is_stored: bool) -> None:
        """Reads the Session's contents; ``is_stored`` says whether the archive may have some. Raises a TwilioError."""
        path = ("Services", session.service_sid, "Sessions", session.sid)
        parents = {"service_sid": session.service_sid, "session_sid": session.sid}
        before = (
            set(await listings.sids(self._archive, listings.CONFIRMED_INTERACTIONS, session.sid))
            if is_stored
            else set()
        )
        rows: list[Record] = []
        pages = 0
        async for page in self._twilio.pages(*path, "Participants"):
            rows += [one for body in page if (one := record(Participant, body, self._twilio, **parents))]
            pages += 1
        listed: set[str] = set()
        if pages > 1:
            listed = {row.sid for row in rows}
            before.update(await listings.sids(self._archive, listings.STORED_PARTICIPANTS, session.sid))
        first = True
        async for page in self._twilio.pages(*path, "Interactions"):
            if not first:  # Buffer a long Session page by page, so that memory stays bounded.
                await self._buffer.add([session, *rows], unread=session.sid)
                rows = []
            found = [row for body in page if (row := record(Interaction, body, self._twilio, **parents))]
            listed.update(row.sid for row in found)
            rows += found
            pages, first = pages + 1, False
        missing = sorted(sid for sid in before - listed if sid.startswith(Interaction.prefix))
        if missing:  # What the ledger has is being deleted, or is finished by way of it.
            requested = await listings.among(self._archive, listings.KNOWN_DELETED, missing)
            missing = [sid for sid in missing if sid not in requested]
        self.missing.extend((session.service_sid, session.sid, sid) for sid in missing)
        if missing:  # Until they are reconciled, the Session counts as not read.
            await self._buffer.add([session, *rows], unread=session.sid)
        elif pages > 2 and await self._has_new(listed - before):
            await self._buffer.add([session, *rows], unconfirmed=session.sid)
        else:
            await self._buffer.add([session, *rows], read=session.sid)

    async def _has_new(self, sids: set[str]) -> bool:
        return bool(sids - await listings.among(self._archive, listings.KNOWN_DELETED, sorted(sids)))
