"""The background task that reads, soon after callbacks, what they can't say.

That is the Session with its dates, its Participants, and the Interaction as the API has it, with its own URL. Callbacks
are gathered per Session: each Session is read once for all that came within a second. The client keeps to Twilio's rate
limits, so under load Sessions wait in the queue, which the archive keeps.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.background import RoundFailed
from gateway.sync.session_reader import record
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError, TwilioMissing
from store.archive import Archive
from store.callbacks import queue
from store.callbacks.confirmation import confirm, protect_session
from store.callbacks.queue import Reported
from store.columns import Record
from store.errors import StoreError
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.sqlite.writer import Transaction
from store.sync import listings

READERS = 20
LONGEST_WAIT, SHORTEST_WAIT = 1.0, 0.05
"""Seconds between two looks at the queue. Another worker may have put a Session there, so each looks."""
FETCHED_ONE_BY_ONE = 3
"""Up to so many Interactions are fetched one by one; more are read from the Session's list."""

log = logging.getLogger("proxygraph.callbacks")


class Completion:
    """Completes what callbacks brought: one call is one round of the background task."""

    def __init__(self, archive: Archive, twilio: Twilio) -> None:
        self._archive, self._twilio = archive, twilio

    async def __call__(self) -> float:
        """Reads the Sessions that are due; returns the seconds to the next round.

        Raises RoundFailed if some of them couldn't be read; they are tried again later.
        """
        try:
            leased = await queue.lease(self._archive, READERS)
            outcomes = await asyncio.gather(*(self._read(one) for one in leased))
            failed = [(one, error) for one, error in zip(leased, outcomes, strict=True) if error]
            if failed:
                await queue.fail(self._archive, [one for one, _ in failed])
            if failed and len(failed) == len(leased) and not all(isinstance(each, TwilioMissing) for _, each in failed):
                raise RoundFailed(
                    f"{len(failed):,} sessions that callbacks reported on could not be read yet. {failed[0][1]}"
                )
            return SHORTEST_WAIT if leased else await self._wait()
        except StoreError as error:
            raise RoundFailed(f"What callbacks reported on could not be read yet. {error}") from error

    async def _wait(self) -> float:
        due = await queue.next_due(self._archive)
        if due is None:
            return LONGEST_WAIT
        seconds = (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds()
        return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)

    async def _read(self, one: Reported) -> TwilioError | None:
        """Reads and stores a Session; returns the error if it couldn't be read.

        A 404 may only mean that Twilio's API doesn't show the new Session yet. Nothing is taken for deleted here.
        """
        unconfirmed = await queue.unconfirmed(self._archive, one.session_sid)
        try:
            rows = await self._rows(one, [sid for sid in unconfirmed if sid.startswith(Interaction.prefix)])
        except TwilioError as error:
            log.debug("A session that callbacks reported on could not be read yet: %s", error)
            return error
        async with self._archive.writer.transaction() as transaction:
            await self._store(transaction, rows)
            await protect_session(transaction, one.session_sid)
            # It isn't read completely: a callback may have been lost, so the next sync reads it.
            await listings.unmark_read(transaction, [one.session_sid])
            await queue.finish(transaction, one)
        return None

    async def _store(self, transaction: Transaction, rows: list[Record]) -> None:
        for record_type in (Service, Session, Participant, Interaction):
            confirmed = await confirm(transaction, [row for row in rows if type(row) is record_type])
            await transaction.put(confirmed.rows)

    async def _rows(self, one: Reported, interactions: Sequence[str]) -> list[Record]:
        """What the API says of a Session, its Participants and these Interactions. Raises a TwilioError."""
        service, parents = ("Services", one.service_sid), {"service_sid": one.service_sid}
        path = (*service, "Sessions", one.session_sid)
        found: list[Record | None] = []
        if await queue.is_unconfirmed(self._archive, one.service_sid):
            found.append(record(Service, await self._twilio.fetch(*service), self._twilio))
        found.append(record(Session, await self._twilio.fetch(*path), self._twilio, **parents))
        parents["session_sid"] = one.session_sid
        async for page in self._twilio.pages(*path, "Participants"):
            found += [record(Participant, body, self._twilio, **parents) for body in page]
        if len(interactions) <= FETCHED_ONE_BY_ONE:
            for sid in interactions:
                body = await self._twilio.fetch(*path, "Interactions", sid)
                found.append(record(Interaction, body, self._twilio, **parents))
        else:
            wanted = set(interactions)
            async for page in self._twilio.pages(*path, "Interactions"):
                rows = [record(Interaction, body, self._twilio, **parents) for body in page]
                found += rows
                wanted -= {row.sid for row in rows if row}
                if not wanted:
                    break
            if wanted:
                raise TwilioMissing(f"The list of interactions of {one.session_sid} doesn't show all of them yet.")
        return [row for row in found if row]
