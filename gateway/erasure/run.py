"""One run of an erasure: Interactions first, then the Participants that have none left.

What was selected is stored as the case's items before the first deletion. A run that was stopped goes on by the same
command: what is erased already is not asked for again.
"""

import asyncio

import msgspec

from gateway.erasure.at_twilio import ErasureUpstream
from gateway.erasure.deletions import FAILURES_THAT_END_A_RUN, Deletions, ErasureProgress, patiently
from gateway.erasure.participants import Participants
from gateway.erasure.questions import InterpretedQuestion
from gateway.erasure.records import delete_records_of
from gateway.sync.clock import ClockMismatch, check_clock
from gateway.twilio.client import Twilio
from resolvers.upstream import ERASES_HERE, repeat_at_twilio
from store.demo import demo_mark
from store.engine.protocols import Archive
from store.erasure import cases, interactions, selections
from store.erasure.cases import CaseOutcome, CaseWriter, ItemOutcome
from store.erasure.selections import Question
from store.sync import listings
from store.sync.state import check_account

MAX_PASSES = 5
"""How often the selection is repeated, for what a sync brought in meanwhile."""
CLEANING_ROUNDS = 5
"""How often the last cleaning is tried; each takes some seconds if a reader is in the way."""


class Options(msgspec.Struct, frozen=True):
    """What a run does besides: who asked for it, and what it also does at Twilio."""

    reference: str
    requested_by: str
    remove_participants: bool = False
    delete_resources: bool = False
    concurrency: int = 20


async def erase(
    archive: Archive, twilio: Twilio | None, asked: InterpretedQuestion, options: Options, progress: ErasureProgress
) -> None:
    """Erases what ``asked`` selects, by way of the ledger; the case has the outcome of each thing.

    Without an account it erases here alone. Raises TwilioAway if Twilio stopped answering, RecordsLeft if only its
    records could not be deleted, a TwilioError if it can't be asked at all, a ClockMismatch if an age can't be
    reckoned, a StoreError.
    """
    upstream = None
    if await demo_mark(archive) is not None:
        twilio = None  # As for a server: Twilio knows nothing of a demo.
    if twilio:
        await check_account(archive, twilio.account_sid)
        await twilio.verify()
        upstream = ErasureUpstream(twilio)
    await _check_age(archive, twilio, asked)
    await patiently(interactions.recover, archive)
    masked = asked.masked()
    if not masked:
        masked = await cases.last_question(archive, options.reference) or {}
    flags = {"remove_participants": options.remove_participants, "delete_resources": options.delete_resources}
    case = await cases.begin_run(archive, options.reference, options.requested_by, masked, flags)
    question = msgspec.structs.replace(asked.question, reference=options.reference)
    await _add_unknown(archive, case, question)
    persons = Participants(archive, upstream, case, options.requested_by, progress)
    await persons.add(question)
    if options.remove_participants:
        await persons.remove_at_twilio()
    try:
        await _erase_interactions(archive, upstream, case, question, options, progress)
    finally:
        await patiently(case.note_erased)
    if upstream:
        await _repeat_at_twilio(archive, upstream, case, options.concurrency)
    await persons.erase()
    for _ in range(CLEANING_ROUNDS):
        if not await cases.is_unclean(archive, options.reference):
            break
        await patiently(interactions.recover, archive)
        await patiently(interactions.retry_cleaning, archive, at_once=True)
    if twilio and options.delete_resources:
        await delete_records_of(archive, twilio, options.reference, options.requested_by, progress)
    await patiently(case.end_run)


async def _erase_interactions(
    archive: Archive,
    upstream: ErasureUpstream | None,
    case: CaseWriter,
    question: Question,
    options: Options,
    progress: ErasureProgress,
) -> None:
    """Erases what the question selects, and again what a sync brought in meanwhile. Raises TwilioAway."""
    tried: set[str] = set()
    for _ in range(MAX_PASSES):
        selected = [sid for sid in await selections.interactions(archive, question) if sid not in tried]
        if not selected:
            return
        tried.update(selected)
        progress.total += len(selected)
        await case.add(selected)
        archived = await selections.archived_sessions(archive, options.reference)
        deletions = Deletions(archive, upstream, case, options.requested_by, options.concurrency, progress)
        await deletions.run(selected, archived)


async def _repeat_at_twilio(archive: Archive, upstream: ErasureUpstream, case: CaseWriter, concurrency: int) -> None:
    """Deletes at Twilio what an earlier run, without the account, erased here alone."""
    rest = iter(await case.not_at_twilio())
    failures = 0

    async def repeat() -> None:
        nonlocal failures
        for address in rest:
            outcome = await patiently(repeat_at_twilio, archive, upstream, address)
            failures = 0 if outcome in ERASES_HERE else failures + 1
            if failures >= FAILURES_THAT_END_A_RUN:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(repeat())


async def _add_unknown(archive: Archive, case: CaseWriter, question: Question) -> None:
    missing = "The archive doesn't have it. If Twilio does, sync first."
    await case.set_outcomes(
        [
            ItemOutcome(sid, CaseOutcome.ERASED) if was_erased else ItemOutcome(sid, CaseOutcome.FAILED, missing)
            for sid, was_erased in (await selections.unknown(archive, question)).items()
        ]
    )


async def _check_age(archive: Archive, twilio: Twilio | None, asked: InterpretedQuestion) -> None:
    if not asked.by_clock:
        return
    if twilio is None:
        raise ClockMismatch(
            "An age is reckoned from now, and without Twilio's clock nothing shows that the machine's is right. Give a "
            f"date instead: --older-than {asked.question.before[:10]} by the machine's clock."
        )
    check_clock(twilio.clock_offset, await listings.newest_date(archive))
