"""The crawl: Services → Sessions → Participants and Interactions, into the archive.

One task for each Service lists its Sessions, and puts those that changed or are recent into a bounded queue. As many
readers as there may be concurrent requests take Sessions from the queue and read their contents. A write buffer commits
the rows in few transactions; a Session is marked as read in the transaction of its last rows. Rows of the archive that
no list showed become candidates, which gateway/sync/reconcile.py checks.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.sync.clock import twilio_now
from gateway.sync.left_out import RESOURCE_ERRORS, LeftOutResources
from gateway.sync.session_reader import SessionReader, record
from gateway.sync.write_buffer import WriteBuffer
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError, TwilioMissing, TwilioRefused
from store.engine.protocols import Archive
from store.queries.lookups import Lookup
from store.services import Service
from store.sessions import Session
from store.sync import listings
from store.sync.runs import RunCounts
from store.sync.state import bind_account
from store.twilio_mapping import instant

QUEUE_SIZE = 500
"""The most Sessions that wait to be read, which bounds the memory of a run."""


class UnknownService(Exception):
    """``--service`` names a Service that the account doesn't have. The message names those that it has."""


class CrawlOptions(NamedTuple):
    """Which part of the account a run reads. ``services`` has SIDs and unique names; None means all Services."""

    full: bool = False
    services: tuple[str, ...] | None = None
    recheck: timedelta = timedelta(hours=48)
    readers: int = 20


class QueuedSession(NamedTuple):
    """A Session in the queue, and whether the archive has a row of it already."""

    session: Session
    is_stored: bool


class Candidates(NamedTuple):
    """SIDs that the archive has and Twilio's lists lacked. A fetch answered 404 confirms that one is gone."""

    services: list[str]
    sessions: list[tuple[str, str]]
    interactions: list[tuple[str, str, str]]


class Crawl:
    """One crawl of the account."""

    def __init__(
        self,
        archive: Archive,
        twilio: Twilio,
        options: CrawlOptions,
        progress: RunCounts,
        buffer: WriteBuffer,
        left_out: LeftOutResources,
    ) -> None:
        self._archive, self._twilio, self._options = archive, twilio, options
        self._progress, self._buffer, self._left_out = progress, buffer, left_out
        self._recent = ""
        self._queue: asyncio.Queue[QueuedSession] = asyncio.Queue(QUEUE_SIZE)
        self._reader = SessionReader(archive, twilio, buffer)
        self.candidates = Candidates([], [], self._reader.missing)
        self.services: list[str] = []
        """The SIDs of the Services that this run reads."""
        self.listed: set[str] = set()
        """Those of ``services`` whose list of Sessions was read completely."""

    async def run(self) -> None:
        """Reads all selected Services. The first error stops the crawl, and comes in an ExceptionGroup."""
        await self._list_services()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read_sessions()) for _ in range(self._options.readers)]
            async with asyncio.TaskGroup() as listing:
                for service_sid in self.services:
                    listing.create_task(self._list_service(service_sid))
            await self._queue.join()
            for reader in readers:
                reader.cancel()
        self._left_out.raise_if_all_failed()
        await self._buffer.flush()
        for service_sid in sorted(self.listed):
            await self._find_unlisted(service_sid)

    async def read_session(self, service_sid: str, session_sid: str) -> None:
        """Reads one Session that no list showed; leaves it out if that fails."""
        try:
            body = await self._twilio.fetch("Services", service_sid, "Sessions", session_sid)
            if session := record(Session, body, self._twilio, service_sid=service_sid):
                await self._reader.read(session, is_stored=True)
        except TwilioMissing as error:
            await self.leave_out(service_sid, session_sid, error)
        except RESOURCE_ERRORS as error:
            await self.leave_out(service_sid, session_sid, error)

    async def leave_out(self, service_sid: str, session_sid: str, error: TwilioError) -> None:
        """Leaves a Session out of this run: it is neither read nor reconciled."""
        await self._left_out.add_session(service_sid, session_sid, error)

    def leave_out_service(self, sid: str) -> None:
        """Leaves out a Service that exists, but whose list of Sessions couldn't be read to its end."""
        sentence = f"{sid} exists, but the list of Services lacked it."
        if sid in self.services:
            sentence = f"{sid} exists, but the list of its sessions was answered 404 before its end."
        self._left_out.add_service(sid, TwilioRefused(sentence))

    async def _list_services(self) -> None:
        found: dict[str, Service] = {}
        async for page in self._twilio.pages("Services"):
            found |= {row.sid: row for body in page if (row := record(Service, body, self._twilio))}
        wanted = self._selected_services(found)
        if found:
            await bind_account(self._archive, self._twilio.account_sid)
        await self._buffer.add([found[sid] for sid in wanted])
        await self._buffer.flush()
        self.services = wanted
        self._progress.services = len(wanted)
        if self._options.services is None:
            stored = await listings.sids(self._archive, listings.CONFIRMED_SERVICES)
            self.candidates.services.extend(sid for sid in stored if sid not in found)
        moment = datetime.fromisoformat(twilio_now(self._twilio.clock_offset)) - self._options.recheck
        self._recent = instant(moment.isoformat())

    def _selected_services(self, found: dict[str, Service]) -> list[str]:
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
        except TwilioMissing:  # It was deleted during the crawl, or only this list is missing.
            self.candidates.services.append(service_sid)
        except RESOURCE_ERRORS as error:
            self._left_out.add_service(service_sid, error)

    async def _list_sessions(self, service_sid: str) -> None:
        unusable = 0
        async for page in self._twilio.pages("Services", service_sid, "Sessions"):
            records = [record(Session, body, self._twilio, service_sid=service_sid) for body in page]
            found = {row.sid: row for row in records if row}
            unusable += records.count(None)
            await self._buffer.note_listed(list(found))
            for queued in await self._select_changed(list(found.values())):
                self._progress.sessions_pending += 1
                self._buffer.pending[service_sid] += 1
                await self._queue.put(queued)
        if unusable:
            sentence = f"The list of the sessions of {service_sid} has {unusable:,} entries that can't be used."
            self._left_out.add_service(service_sid, TwilioRefused(sentence))

    async def _select_changed(self, listed: list[Session]) -> list[QueuedSession]:
        sids = [session.sid for session in listed]
        deleted = await listings.among(self._archive, listings.KNOWN_DELETED, sids)
        read = await listings.among(self._archive, listings.KNOWN_READ, sids)
        stored = await self._archive.reader().read(Lookup(Session), sids)
        changed = []
        for session, before in zip(listed, stored, strict=True):
            if session.sid in deleted:
                continue
            if self._options.full or session.sid not in read or before != session or self._is_recent(session):
                changed.append(QueuedSession(session, before is not None))
            else:
                self._progress.unchanged += 1
        return changed

    def _is_recent(self, session: Session) -> bool:
        # The status of a leg changes after the interaction was created: queued, sent, delivered.
        return max(session.date_updated, session.date_last_interaction or "") >= self._recent

    async def _read_sessions(self) -> None:
        while True:
            session, is_stored = await self._queue.get()
            await self._read(session, is_stored)
            self._queue.task_done()

    async def _read(self, session: Session, is_stored: bool) -> None:
        try:
            await self._reader.read(session, is_stored)
        except TwilioMissing:
            self.candidates.sessions.append((session.service_sid, session.sid))
        except RESOURCE_ERRORS as error:
            await self.leave_out(session.service_sid, session.sid, error)
            return  # It stays pending, for the next run.
        else:
            self._left_out.note_success()
        self._progress.sessions_pending -= 1
        self._buffer.pending[session.service_sid] -= 1
        self._progress.sessions += 1

    async def _find_unlisted(self, service_sid: str) -> None:
        """Adds the Sessions that the archive has and the Service's list lacked to the candidates."""
        after = ""
        while found := await listings.unlisted(self._archive, service_sid, self._buffer.run, after):
            self.candidates.sessions.extend((service_sid, sid) for sid in found)
            after = found[-1]
