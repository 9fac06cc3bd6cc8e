"""Deletes many Interactions as deleteInteraction deletes one, as fast as Twilio's limits allow.

The requests are stored in the ledger a hundred at a time. Several tasks delete at Twilio concurrently. About once a
second, all Interactions that Twilio no longer has are erased here together: each erasure empties SQLite's log, which
blocks other writers for a moment. If the process is killed, the ledger has the requests, and the next run, server or
sync finishes them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import ParamSpec, TypeVar

import msgspec

from gateway.erasure.at_twilio import ErasureUpstream
from resolvers.upstream import ERASES_HERE, Answer, RequestedDeletion, TwilioOutcome, ask, request_all, settle
from store.engine.cancellation import finish_even_if_cancelled
from store.engine.protocols import Archive
from store.erasure import cases
from store.erasure.cases import CaseWriter, ItemOutcome
from store.erasure.ledger import TwilioAddress
from store.errors import DatabaseLocked

P = ParamSpec("P")
T = TypeVar("T")
AT_ONCE = 100
"""The Interactions whose requests are stored in one transaction."""
SETTLED_AT_ONCE = 500
"""The Interactions that are erased here in one transaction at most, so that other writers don't wait for long."""
SETTLE_SECONDS = 1.0
"""For how long Twilio's answers are collected before their Interactions are erased here."""
LOCKED_ATTEMPTS = 12
"""How often a write is tried while another process writes; each attempt itself waits some seconds."""
FAILURES_THAT_END_A_RUN = 25
"""After this many consecutive failures at Twilio, each after all its attempts, the run stops."""

OUTCOMES = {
    TwilioOutcome.LEGAL_HOLD: cases.CaseOutcome.HELD,
    TwilioOutcome.REFUSED: cases.CaseOutcome.REFUSED,
    TwilioOutcome.UNAVAILABLE: cases.CaseOutcome.FAILED,
    TwilioOutcome.UNCERTAIN: cases.CaseOutcome.FAILED,
}
NOT_ASKED = Answer(TwilioOutcome.UNAVAILABLE, "Twilio was not asked: the run ended before.")


class ErasureProgress(msgspec.Struct):
    """The counts so far, and the total."""

    total: int = 0
    erased: int = 0
    held: int = 0
    failed: int = 0
    participants: int = 0
    records: int = 0
    """Message and Call records that were tried, of ``records_total``."""
    records_total: int = 0

    @property
    def done(self) -> int:
        """The Interactions with an outcome."""
        return self.erased + self.held + self.failed


class TwilioAway(Exception):
    """Many consecutive requests to Twilio failed. The message is a whole sentence."""


class Deletions:
    """Deletes the Interactions of a case, and stores the outcome of each that is not erased."""

    def __init__(
        self,
        archive: Archive,
        upstream: ErasureUpstream | None,
        case: CaseWriter,
        requested_by: str,
        concurrency: int,
        progress: ErasureProgress,
    ) -> None:
        self._archive, self._upstream, self._case = archive, upstream, case
        self._requested_by, self._concurrency, self._progress = requested_by, concurrency, progress
        self._waiting: asyncio.Queue[tuple[TwilioAddress, bool] | None] = asyncio.Queue(AT_ONCE)
        self._not_asked: dict[TwilioAddress, bool] = {}
        """Interactions whose requests are stored but not sent to Twilio, and whether the requests are new."""
        self._answered: list[RequestedDeletion] = []
        self._any_answered = asyncio.Event()
        self._archived: Collection[str] = ()
        self._has_ended = False
        self._failures = 0
        self._last_failure = ""

    async def run(self, sids: Sequence[str], archived: Collection[str] = ()) -> None:
        """Deletes these Interactions; Twilio no longer has the Sessions ``archived``. Raises TwilioAway.

        However it ends, Twilio's answers are settled, and requests that were not sent are withdrawn.
        """
        self._archived = archived
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._settle_periodically())
                async with asyncio.TaskGroup() as asking:
                    asking.create_task(self._request(sids))
                    for _ in range(self._concurrency):
                        asking.create_task(self._ask())
                self._has_ended = True
                self._any_answered.set()
        except BaseExceptionGroup as group:  # One of the tasks failed, and the others were cancelled.
            raise _first(group) from group
        finally:
            self._answered += [
                RequestedDeletion(address, is_new, NOT_ASKED) for address, is_new in self._not_asked.items()
            ]
            await finish_even_if_cancelled(self._settle())
        if self._failures >= FAILURES_THAT_END_A_RUN:
            raise TwilioAway(f"Twilio could not be asked {self._failures} times in a row. {self._last_failure}")

    async def _request(self, sids: Sequence[str]) -> None:
        for start in range(0, len(sids), AT_ONCE):
            if self._is_away:
                break
            some = sids[start : start + AT_ONCE]
            requested = await patiently(request_all, self._archive, self._upstream, some, self._requested_by)
            self._progress.erased += len(some) - len(requested)  # By another process, since they were selected.
            self._not_asked.update(requested)
            for each in requested:
                await self._waiting.put(each)
        for _ in range(self._concurrency):
            await self._waiting.put(None)

    @property
    def _is_away(self) -> bool:
        return self._failures >= FAILURES_THAT_END_A_RUN

    async def _ask(self) -> None:
        while waiting := await self._waiting.get():
            address, is_new = waiting
            if self._is_away:
                continue
            del self._not_asked[address]
            answer = await self._answer(address)
            if answer.outcome in (TwilioOutcome.UNAVAILABLE, TwilioOutcome.UNCERTAIN, TwilioOutcome.REFUSED):
                self._failures += 1
                self._last_failure = answer.message
            elif not self._is_away:
                self._failures = 0
            self._answered.append(RequestedDeletion(address, is_new, answer))
            if len(self._answered) >= AT_ONCE:
                self._any_answered.set()

    async def _answer(self, address: TwilioAddress) -> Answer:
        if address.session_sid in self._archived:
            if self._upstream is None:
                return Answer(TwilioOutcome.ALREADY_GONE)
            if (answer := await self._upstream.with_its_session(address)) is not None:
                return answer
        return await ask(self._upstream, address)

    async def _settle_periodically(self) -> None:
        while not self._has_ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    await self._any_answered.wait()
            await self._settle()

    async def _settle(self) -> None:
        self._any_answered.clear()
        while self._answered:
            asked, self._answered = self._answered[:SETTLED_AT_ONCE], self._answered[SETTLED_AT_ONCE:]
            await self._settle_some(asked)

    async def _settle_some(self, asked: list[RequestedDeletion]) -> None:
        try:
            answers = await patiently(settle, self._archive, asked)
            items = [
                ItemOutcome(each.address.sid, OUTCOMES[answer.outcome], answer.message)
                for each, answer in zip(asked, answers, strict=True)
                if answer.outcome not in ERASES_HERE
            ]
            await patiently(self._case.set_outcomes, items)
        except BaseException:
            self._answered = asked + self._answered  # Settling twice does no harm.
            raise
        held = sum(item.outcome is cases.CaseOutcome.HELD for item in items)
        self._progress.erased += len(asked) - len(items)
        self._progress.held += held
        self._progress.failed += len(items) - held


async def patiently(work: Callable[P, Awaitable[T]], *arguments: P.args, **options: P.kwargs) -> T:
    """The result of ``work``, which is tried again while another process writes. Raises DatabaseLocked in the end."""
    for _ in range(LOCKED_ATTEMPTS - 1):
        with suppress(DatabaseLocked):
            return await work(*arguments, **options)
    return await work(*arguments, **options)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
