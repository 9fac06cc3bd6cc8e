"""Deletes the Message and Call records of erased Interactions at Twilio, and notes what became of each.

Twilio is asked for as many at once as the settings allow. What became of them is stored a batch at a time: a crash
between asking and storing leaves at most one batch to be asked for again, which Twilio then answers with 404.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from gateway.twilio.errors import TwilioUnavailable
from gateway.twilio.records import RecordAnswer, TwilioRecords
from store.archive import Archive
from store.erasure import twilio_records
from store.erasure.twilio_records import GONE, list_of
from store.twilio_mapping import instant, now

BATCH = 60
GROUP = 250
"""The Interactions whose records are requested at once: few, so that they are tried well within RETRY_AFTER."""
RETRY_AFTER = timedelta(minutes=10)
"""The pause before a server asks for a record that Twilio could not delete, or that a command requested."""


class Deleted(NamedTuple):
    """How many records are gone at Twilio, how many are not, and whether Twilio is away, so that the rest wait."""

    gone: int = 0
    left: int = 0
    is_away: bool = False


async def delete_records(
    archive: Archive,
    records: TwilioRecords,
    interaction_sids: Sequence[str],
    requested_by: str,
    advance: Callable[[int], None] = lambda _: None,
) -> Deleted:
    """Deletes the records of these Interactions: of those that are erased here and gone at Twilio.

    ``advance`` is told how many more were tried. Raises a TwilioError where none can be deleted: what was not tried is
    tried by the next run, or by a server with the account. Where Twilio is away it stops, and returns that.
    """
    account, deleted = records.account_sid.lower(), Deleted()
    rest = iter(interaction_sids)
    while group := list(islice(rest, GROUP)):
        async with archive.writer.transaction() as transaction:
            await twilio_records.request(transaction, group, requested_by)
        asked = await twilio_records.of_interactions(archive, group)
        open_ = [sid for sid, each in asked.items() if each.state not in GONE and each.account_sid.lower() == account]
        some = await _delete(archive, records, open_, advance)
        deleted = Deleted(deleted.gone + some.gone, deleted.left + some.left, some.is_away)
        if some.is_away:
            break
    return deleted


async def finish_records(archive: Archive, records: TwilioRecords, at_start: bool = True) -> Deleted:
    """Deletes the account's records that are still to be deleted.

    At the start these are all of them; later those that nobody requested or tried for RETRY_AFTER, so that a server
    leaves a command that runs beside it alone.

    Raises a TwilioError where none can be deleted.
    """
    before = now() if at_start else instant((datetime.now(UTC) - RETRY_AFTER).isoformat())
    return await _delete(archive, records, await twilio_records.to_delete(archive, records.account_sid, before))


async def _delete(
    archive: Archive, records: TwilioRecords, sids: Sequence[str], advance: Callable[[int], None] = lambda _: None
) -> Deleted:
    gone = left = 0
    remaining = iter(sids)
    while batch := list(islice(remaining, BATCH)):
        try:
            for listed in sorted({list_of(sid) or "" for sid in batch}):
                await records.verify(listed)
        except TwilioUnavailable:
            # Those that were not tried stay as open as those that were.
            return Deleted(gone, left + len(batch) + sum(1 for _ in remaining), is_away=True)
        answers = await asyncio.gather(*map(records.delete, batch), return_exceptions=True)
        outcomes = [(sid, each) for sid, each in zip(batch, answers, strict=True) if isinstance(each, RecordAnswer)]
        async with archive.writer.transaction() as transaction:
            await twilio_records.note(transaction, [(sid, *answer) for sid, answer in outcomes])
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        deleted = sum(answer.state in GONE for _, answer in outcomes)
        gone, left = gone + deleted, left + len(batch) - deleted
        advance(len(batch))
    return Deleted(gone, left)
