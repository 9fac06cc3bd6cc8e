"""The background task that reads, soon after callbacks, what they can't say.

That is the Session with its dates, its Participants, and the Interaction as the API has it, with its own URL. Callbacks
are gathered per Session: each Session is read once for all that came within a second. The client keeps to Twilio's rate
limits, so under load Sessions wait in the queue, which the archive keeps.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

from gateway.background import RoundFailed
from gateway.sync.session_reader import record
from gateway.twilio.client import PAGE_SIZE, Twilio
from gateway.twilio.errors import TwilioError, TwilioMissing
from store.callbacks import queue
from store.callbacks.confirmation import confirm, protect_sessions
from store.callbacks.queue import Reported
from store.columns import Record
from store.engine.protocols import Archive
from store.errors import StoreError
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.sync import listings
from store.twilio_mapping import instant

READERS = 20
LONGEST_WAIT, SHORTEST_WAIT = 1.0, 0.05
"""Seconds between two looks at the queue. Another worker may have put a Session there, so each looks."""
FETCHES_PER_PAGE = 2
"""Interactions are fetched one by one, unless a Session's list has so few pages that reading them is cheaper."""

SETTLED = timedelta(minutes=10)
"""For so long after a callback, an answer that is older than its row doesn't replace it here. A later sync decides."""

log = logging.getLogger("proxygraph.callbacks")


class Completion:
    """Completes what callbacks brought: one call is one round of the background task."""

    def __init__(self, archive: Archive, twilio: Twilio) -> None:
        self._archive, self._twilio = archive, twilio

    async def __call__(self) -> float:
        """Reads the Sessions that are due; returns the seconds to the next round.

        Raises RoundFailed if none of them could be read; each is tried again later.
        """
        try:
            leased = await queue.lease(self._archive, READERS)
            if not leased:
                return await self._wait()
            found = dict(zip(leased, await asyncio.gather(*map(self._read, leased)), strict=True))
            errors = {one: rows for one, rows in found.items() if isinstance(rows, TwilioError)}
            await self._store({one: rows for one, rows in found.items() if not isinstance(rows, TwilioError)})
            if errors:
                await queue.fail(self._archive, list(errors))
            if len(errors) == len(leased) and not all(isinstance(error, TwilioMissing) for error in errors.values()):
                many = "A session" if len(errors) == 1 else f"{len(errors):,} sessions"
                raise RoundFailed(f"{many} that callbacks reported on could not be read yet. {errors[leased[0]]}")
        except StoreError as error:
            raise RoundFailed(f"What callbacks reported on could not be read yet. {error}") from error
        return SHORTEST_WAIT

    async def _wait(self) -> float:
        due = await queue.next_due(self._archive)
        if due is None:
            return LONGEST_WAIT
        seconds = (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds()
        return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)

    async def _store(self, found: Mapping[Reported, list[Record]]) -> None:
        if not found:
            return
        sids = [one.session_sid for one in found]
        # So soon after a callback, the API may still show an older state than the callback did.
        since = instant((datetime.now(UTC) - SETTLED).isoformat())
        async with self._archive.writer.transaction(is_mirrored=True) as transaction:
            for record_type in (Service, Session, Participant, Interaction):
                rows = [row for rows in found.values() for row in rows if type(row) is record_type]
                confirmed = await confirm(transaction, rows, since)
                await transaction.put(confirmed.rows)
            await protect_sessions(transaction, sids)
            # They aren't read completely: a callback may have been lost, so the next sync reads them.
            await listings.unmark_read(transaction, sids)
            for one in found:
                await queue.finish(transaction, one)

    async def _read(self, one: Reported) -> list[Record] | TwilioError:
        """What the API says of a Session that callbacks reported on; the error if it couldn't be read.

        A 404 may only mean that Twilio's API doesn't show the new Session yet. Nothing is taken for deleted here.
        """
        try:
            return [row async for row in self._rows(one) if row]
        except TwilioError as error:
            log.debug("A session that callbacks reported on could not be read yet: %s", error)
            return error

    async def _rows(self, one: Reported) -> AsyncIterator[Record | None]:
        service, parents = ("Services", one.service_sid), {"service_sid": one.service_sid}
        path = (*service, "Sessions", one.session_sid)
        if await queue.is_unconfirmed(self._archive, one.service_sid):
            yield record(Service, await self._twilio.fetch(*service), self._twilio)
        yield record(Session, await self._twilio.fetch(*path), self._twilio, **parents)
        parents["session_sid"] = one.session_sid
        if await queue.lacks_participants(self._archive, one.session_sid):
            async for page in self._twilio.pages(*path, "Participants"):
                for body in page:
                    yield record(Participant, body, self._twilio, **parents)
        async for row in self._interactions(one, path, parents):
            yield row

    async def _interactions(
        self, one: Reported, path: tuple[str, ...], parents: Mapping[str, str]
    ) -> AsyncIterator[Record | None]:
        unconfirmed = await queue.unconfirmed(self._archive, one.session_sid)
        wanted = {sid for sid in unconfirmed if sid.startswith(Interaction.prefix)}
        pages = await queue.count_interactions(self._archive, one.session_sid) // PAGE_SIZE + 1
        if len(wanted) <= FETCHES_PER_PAGE * pages:
            for sid in sorted(wanted):
                body = await self._twilio.fetch(*path, "Interactions", sid)
                yield record(Interaction, body, self._twilio, **parents)
            return
        async for page in self._twilio.pages(*path, "Interactions"):
            for body in page:
                if body.get("sid") in wanted:
                    wanted.discard(body["sid"])
                    yield record(Interaction, body, self._twilio, **parents)
        if wanted:
            raise TwilioMissing(f"The list of interactions of {one.session_sid} doesn't show all of them yet.")
