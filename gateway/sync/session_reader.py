"""Reading one session: its participants and its interactions, page by page, into the archive.

Twilio's pages are offsets into a list, so a row that is deleted while a list is read moves the rows behind it forward,
and one of them may fall between two pages. A session whose lists took several pages is therefore read again by the
next run, until a run finds just what the archive has. That costs one more reading of each changed session with more
than a page (100) of interactions or participants.
"""

import logging
from typing import TypeVar

from gateway.sync.write_buffer import Batches
from gateway.twilio.client import Body, Twilio
from store import twilio_mapping
from store.archive import Archive
from store.columns import Record
from store.errors import BodyRejected
from store.interactions import Interaction
from store.participants import Participant
from store.sessions import Session
from store.sync import listings

R = TypeVar("R", bound=Record)
log = logging.getLogger("proxygraph.sync")


def record(kind: type[R], body: Body, twilio: Twilio, **parents: str) -> R | None:
    """``body`` as a record; None, and a warning, where it can't be one."""
    try:
        return twilio_mapping.record(kind, body, account_sid=twilio.account_sid, **parents)
    except BodyRejected as error:
        log.warning("Left out of the archive: %s", error)
        return None


class SessionReader:
    """Reads sessions. ``missing`` has the interactions that the archive holds and a list lacked."""

    def __init__(self, archive: Archive, twilio: Twilio, batches: Batches) -> None:
        self._archive, self._twilio, self._batches = archive, twilio, batches
        self.missing: list[tuple[str, str, str]] = []

    async def read(self, session: Session, held: bool) -> None:
        """Reads the session's contents; ``held`` says whether the archive may have some. Raises a TwilioError."""
        path = ("Services", session.service_sid, "Sessions", session.sid)
        parents = {"service_sid": session.service_sid, "session_sid": session.sid}
        before = set(await listings.sids(self._archive, listings.HELD_INTERACTIONS, session.sid)) if held else set()
        rows: list[Record] = []
        pages = 0
        async for page in self._twilio.pages(*path, "Participants"):
            rows += [one for body in page if (one := record(Participant, body, self._twilio, **parents))]
            pages += 1
        listed: set[str] = set()
        if pages > 1:
            listed = {row.sid for row in rows}
            before.update(await listings.sids(self._archive, listings.HELD_PARTICIPANTS, session.sid))
        first = True
        async for page in self._twilio.pages(*path, "Interactions"):
            if not first:  # A long session goes into the archive page by page.
                await self._batches.add([session, *rows], unread=session.sid)
                rows = []
            found = [row for body in page if (row := record(Interaction, body, self._twilio, **parents))]
            listed.update(row.sid for row in found)
            rows += found
            pages, first = pages + 1, False
        missing = sorted(sid for sid in before - listed if sid.startswith(Interaction.prefix))
        self.missing.extend((session.service_sid, session.sid, sid) for sid in missing)
        if missing:  # Until these are decided upon, the session counts as not read.
            await self._batches.add([session, *rows], unread=session.sid)
        elif pages > 2 and await self._has_new(listed - before):
            await self._batches.add([session, *rows], unconfirmed=session.sid)
        else:
            await self._batches.add([session, *rows], read=session.sid)

    async def _has_new(self, sids: set[str]) -> bool:
        return bool(sids - await listings.among(self._archive, listings.KNOWN_DELETED, sorted(sids)))
