"""The walk: Services → Sessions → Participants and Interactions, into the archive.

One task lists the Sessions of each Service; those that changed, or are recent, go into a bounded queue, from which
as many readers as requests are allowed take them. What was read is written in few transactions, each Session's mark
"read" in that of its last rows. What should have been met and was not is handed to gateway/sync/reconcile.py.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from gateway.sync.write_buffer import Batches
from gateway.twilio.client import Body, Twilio
from gateway.twilio.errors import TwilioMissing
from store import twilio_mapping as rest
from store.archive import Archive
from store.columns import Record
from store.errors import BodyRejected
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.sqlite.statements.lookups import Lookup
from store.sync import state as sync_state
from store.sync.state import Progress

R = TypeVar("R", bound=Record)
log = logging.getLogger("proxygraph.sync")

QUEUE = 500
"""Sessions that may wait to be read, so that memory stays bounded however many there are."""


class Options(NamedTuple):
    """What of the account is read."""

    full: bool = False
    services: tuple[str, ...] = ()
    recheck: timedelta = timedelta(hours=48)
    readers: int = 20


class ToRead(NamedTuple):
    """A session whose contents are to be read, and whether the archive holds some of it already."""

    session: Session
    held: bool


class Suspects(NamedTuple):
    """What lists lacked that the archive holds; only a fetch answered 404 confirms that it is gone."""

    services: list[str]
    sessions: list[tuple[str, str]]
    interactions: list[tuple[str, str, str]]


class Walk:
    """One run over the account."""

    def __init__(
        self, archive: Archive, twilio: Twilio, options: Options, progress: Progress, batches: Batches
    ) -> None:
        self._archive, self._twilio, self._options = archive, twilio, options
        self._progress, self._batches = progress, batches
        self._recent = rest.instant((datetime.now(UTC) - options.recheck).isoformat())
        self._queue: asyncio.Queue[ToRead] = asyncio.Queue(QUEUE)
        self.suspects = Suspects([], [], [])
        self.services: list[str] = []

    async def run(self) -> None:
        """Reads everything that is to be read; what raised stops all of it."""
        await self._list_services()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read_sessions()) for _ in range(self._options.readers)]
            async with asyncio.TaskGroup() as listing:
                for service_sid in list(self.services):
                    listing.create_task(self._sweep(service_sid))
            await self._queue.join()
            for reader in readers:
                reader.cancel()
        await self._batches.flush()
        for service_sid in self.services:
            await self._suspect_sessions(service_sid)

    async def read_session(self, service_sid: str, session_sid: str) -> None:
        """Reads one Session anew, though a list did not show it."""
        body = await self._twilio.fetch("Services", service_sid, "Sessions", session_sid)
        if session := self._record(Session, body, service_sid=service_sid):
            await self._read(session, held=True)

    async def _list_services(self) -> None:
        wanted, listed = self._options.services, set[str]()
        async for page in self._twilio.pages("Services"):
            found = [row for row in self._records(Service, page, {}) if not wanted or row.sid in wanted]
            await self._batches.add(found)
            listed.update(service.sid for service in found)
        await self._batches.flush()
        self.services = sorted(listed)
        self._progress.services = len(listed)
        held = await sync_state.sids(self._archive, sync_state.HELD_SERVICES)
        self.suspects.services.extend(sid for sid in held if sid not in listed and (not wanted or sid in wanted))

    async def _sweep(self, service_sid: str) -> None:
        try:
            await self._list_sessions(service_sid)
        except TwilioMissing:  # It went while it was read.
            self.services.remove(service_sid)
            self.suspects.services.append(service_sid)

    async def _list_sessions(self, service_sid: str) -> None:
        async with self._archive.writer.transaction() as transaction:
            await transaction.execute(sync_state.FORGET_SEEN, (service_sid,))
        async for page in self._twilio.pages("Services", service_sid, "Sessions"):
            found = {row.sid: row for row in self._records(Session, page, {"service_sid": service_sid})}
            await self._batches.see(service_sid, list(found))
            for waiting in await self._to_read(list(found.values())):
                self._progress.sessions_pending += 1
                self._batches.pending[service_sid] += 1
                await self._queue.put(waiting)

    async def _to_read(self, listed: list[Session]) -> list[ToRead]:
        sids = [session.sid for session in listed]
        deleted = await sync_state.among(self._archive, sync_state.KNOWN_DELETED, sids)
        read = await sync_state.among(self._archive, sync_state.KNOWN_READ, sids)
        held = await self._archive.reader().read(Lookup(Session), sids)
        to_read = []
        for session, before in zip(listed, held, strict=True):
            if session.sid in deleted:
                continue
            if self._options.full or session.sid not in read or before != session or self._is_recent(session):
                to_read.append(ToRead(session, before is not None))
            else:
                self._progress.unchanged += 1
        return to_read

    def _is_recent(self, session: Session) -> bool:
        # Leg statuses go on changing after the fact: queued, sent, delivered.
        return max(session.date_updated, session.date_last_interaction or "") >= self._recent

    async def _read_sessions(self) -> None:
        while True:
            session, held = await self._queue.get()
            try:
                await self._read(session, held)
            except TwilioMissing:
                self.suspects.sessions.append((session.service_sid, session.sid))
            self._progress.sessions_pending -= 1
            self._batches.pending[session.service_sid] -= 1
            self._progress.sessions += 1
            self._queue.task_done()

    async def _read(self, session: Session, held: bool) -> None:
        path = ("Services", session.service_sid, "Sessions", session.sid)
        parents = {"service_sid": session.service_sid, "session_sid": session.sid}
        rows: list[Record] = []
        async for page in self._twilio.pages(*path, "Participants"):
            rows += self._records(Participant, page, parents)
        listed: set[str] = set()
        async for page in self._twilio.pages(*path, "Interactions"):
            if listed:  # A long session goes into the archive page by page.
                await self._batches.add([session, *rows], unread=session.sid)
                rows = []
            found = self._records(Interaction, page, parents)
            listed.update(row.sid for row in found)
            self._progress.interactions += len(found)
            rows += found
        missing = await self._missing(session.sid, listed) if held else []
        self.suspects.interactions.extend((session.service_sid, session.sid, sid) for sid in missing)
        if missing:  # Until these are decided upon, the session counts as not read.
            await self._batches.add([session, *rows], unread=session.sid)
        else:
            await self._batches.add([session, *rows], read=session.sid)

    async def _missing(self, session_sid: str, listed: set[str]) -> list[str]:
        held = await sync_state.sids(self._archive, sync_state.HELD_INTERACTIONS, session_sid)
        return [sid for sid in held if sid not in listed]

    async def _suspect_sessions(self, service_sid: str) -> None:
        after = ""
        while found := await sync_state.unseen(self._archive, service_sid, after):
            self.suspects.sessions.extend((service_sid, sid) for sid in found)
            after = found[-1]

    def _records(self, kind: type[R], page: list[Body], parents: dict[str, str]) -> list[R]:
        return [row for body in page if (row := self._record(kind, body, **parents))]

    def _record(self, kind: type[R], body: Body, **parents: str) -> R | None:
        try:
            return rest.record(kind, body, account_sid=self._twilio.account_sid, **parents)
        except BodyRejected as error:
            log.warning("Left out of the archive: %s", error)
            return None
