"""The crawl: Services → Sessions → Participants and Interactions, into the archive.

One task lists the Sessions of each Service; those that changed, or are recent, go into a bounded queue, from which
as many readers as requests are allowed take them. What was read is written in few transactions, each Session's mark
"read" in that of its last rows. What should have been met and was not is handed to gateway/sync/reconcile.py.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.sync.clock import twilio_now
from gateway.sync.session_reader import SessionReader, record
from gateway.sync.setting_aside import ODD, LeftOut
from gateway.sync.write_buffer import Batches
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError, TwilioMissing, TwilioRefused
from store.archive import Archive
from store.services import Service
from store.sessions import Session
from store.sqlite.statements.lookups import Lookup
from store.sync import listings
from store.sync.runs import Progress
from store.sync.state import bind_account
from store.twilio_mapping import instant

QUEUE = 500
"""Sessions that may wait to be read, so that memory stays bounded however many there are."""


class UnknownService(Exception):
    """``--service`` names none that the account has; its text is a sentence that names those it has."""


class Options(NamedTuple):
    """What of the account is read; ``services`` None is all, or else SIDs and unique names."""

    full: bool = False
    services: tuple[str, ...] | None = None
    recheck: timedelta = timedelta(hours=48)
    readers: int = 20


class ToRead(NamedTuple):
    """A session whose contents are to be read, and whether the archive holds some of it already."""

    session: Session
    held: bool


class Candidates(NamedTuple):
    """What lists lacked that the archive holds; only a fetch answered 404 confirms that it is gone."""

    services: list[str]
    sessions: list[tuple[str, str]]
    interactions: list[tuple[str, str, str]]


class Crawl:
    """One run over the account."""

    def __init__(
        self,
        archive: Archive,
        twilio: Twilio,
        options: Options,
        progress: Progress,
        batches: Batches,
        left_out: LeftOut,
    ) -> None:
        self._archive, self._twilio, self._options = archive, twilio, options
        self._progress, self._batches, self._left_out = progress, batches, left_out
        self._recent = ""
        self._queue: asyncio.Queue[ToRead] = asyncio.Queue(QUEUE)
        self._reader = SessionReader(archive, twilio, batches)
        self.candidates = Candidates([], [], self._reader.missing)
        self.services: list[str] = []
        """The Services that are read."""
        self.listed: set[str] = set()
        """Those of them whose list of sessions began and ended."""

    async def run(self) -> None:
        """Reads everything that is to be read; what raised stops all of it."""
        await self._list_services()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read_sessions()) for _ in range(self._options.readers)]
            async with asyncio.TaskGroup() as listing:
                for service_sid in self.services:
                    listing.create_task(self._list_service(service_sid))
            await self._queue.join()
            for reader in readers:
                reader.cancel()
        self._left_out.demand_some_success()
        await self._batches.flush()
        for service_sid in sorted(self.listed):
            await self._compare(service_sid)

    async def read_session(self, service_sid: str, session_sid: str) -> None:
        """Reads one Session anew, though a list did not show it; leaves it out where that fails."""
        try:
            body = await self._twilio.fetch("Services", service_sid, "Sessions", session_sid)
            if session := record(Session, body, self._twilio, service_sid=service_sid):
                await self._reader.read(session, held=True)
        except TwilioMissing as error:
            await self.leave_out(service_sid, session_sid, error)
        except ODD as error:
            await self.leave_out(service_sid, session_sid, error)

    async def leave_out(self, service_sid: str, session_sid: str, error: TwilioError) -> None:
        """Leaves a session out of this run, and of what it decides."""
        await self._left_out.add_session(service_sid, session_sid, error)

    def leave_out_service(self, sid: str) -> None:
        """Leaves out a Service that stands, though no list of it ended: so its sessions were not all met."""
        sentence = f"{sid} stands, but the list of Services lacked it."
        if sid in self.services:
            sentence = f"{sid} stands, but the list of its sessions was answered 404 before its end."
        self._left_out.add_service(sid, TwilioRefused(sentence))

    async def _list_services(self) -> None:
        found: dict[str, Service] = {}
        async for page in self._twilio.pages("Services"):
            found |= {row.sid: row for body in page if (row := record(Service, body, self._twilio))}
        wanted = self._wanted(found)
        if found:
            await bind_account(self._archive, self._twilio.account_sid)
        await self._batches.add([found[sid] for sid in wanted])
        await self._batches.flush()
        self.services = wanted
        self._progress.services = len(wanted)
        if self._options.services is None:
            held = await listings.sids(self._archive, listings.HELD_SERVICES)
            self.candidates.services.extend(sid for sid in held if sid not in found)
        moment = datetime.fromisoformat(twilio_now(self._twilio.clock_offset)) - self._options.recheck
        self._recent = instant(moment.isoformat())

    def _wanted(self, found: dict[str, Service]) -> list[str]:
        names = self._options.services
        if names is None:
            return sorted(found)
        sids = {name: service.sid for service in found.values() for name in (service.sid, service.unique_name) if name}
        unknown = [name for name in names if name not in sids]
        if unknown or not names:
            given = ", ".join(map(repr, unknown)) or "nothing"
            known = ", ".join(
                f"{sid} ({service.unique_name})" if service.unique_name else sid for sid, service in found.items()
            )
            raise UnknownService(
                f"Expected --service to name a Service of {self._twilio.account_sid} by its SID or unique name, but "
                f"got {given}. It has {known or 'none'}."
            )
        return sorted({sids[name] for name in names})

    async def _list_service(self, service_sid: str) -> None:
        try:
            await self._list_sessions(service_sid)
            self.listed.add(service_sid)
        except TwilioMissing:  # It went while it was read, or this list of it is not to be had.
            self.candidates.services.append(service_sid)
        except ODD as error:
            self._left_out.add_service(service_sid, error)

    async def _list_sessions(self, service_sid: str) -> None:
        unusable = 0
        async for page in self._twilio.pages("Services", service_sid, "Sessions"):
            records = [record(Session, body, self._twilio, service_sid=service_sid) for body in page]
            found = {row.sid: row for row in records if row}
            unusable += records.count(None)
            await self._batches.note_listed(list(found))
            for waiting in await self._to_read(list(found.values())):
                self._progress.sessions_pending += 1
                self._batches.pending[service_sid] += 1
                await self._queue.put(waiting)
        if unusable:
            sentence = f"The list of the sessions of {service_sid} has {unusable:,} that can't be used."
            self._left_out.add_service(service_sid, TwilioRefused(sentence))

    async def _to_read(self, listed: list[Session]) -> list[ToRead]:
        sids = [session.sid for session in listed]
        deleted = await listings.among(self._archive, listings.KNOWN_DELETED, sids)
        read = await listings.among(self._archive, listings.KNOWN_READ, sids)
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
            await self._read(session, held)
            self._queue.task_done()

    async def _read(self, session: Session, held: bool) -> None:
        try:
            await self._reader.read(session, held)
        except TwilioMissing:
            self.candidates.sessions.append((session.service_sid, session.sid))
        except ODD as error:
            await self.leave_out(session.service_sid, session.sid, error)
            return  # It still waits to be read, by the next run.
        else:
            self._left_out.succeeded()
        self._progress.sessions_pending -= 1
        self._batches.pending[session.service_sid] -= 1
        self._progress.sessions += 1

    async def _compare(self, service_sid: str) -> None:
        """Finds the sessions that the archive holds and the Service's list lacked."""
        after = ""
        while found := await listings.unlisted(self._archive, service_sid, self._batches.run, after):
            self.candidates.sessions.extend((service_sid, sid) for sid in found)
            after = found[-1]
