"""Deletes the Message and Call records of erased Interactions at Twilio, and stores the outcome of each.

As many requests run at the same time as the settings allow. Their outcomes are stored in batches. After a crash between
a request and the storing of its outcome, at most one batch is requested again; Twilio then answers with 404.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from gateway.twilio.errors import TwilioUnavailable
from gateway.twilio.records import RecordAnswer, TwilioRecords
from store.engine.protocols import Archive
from store.erasure import twilio_records
from store.erasure.twilio_records import GONE, list_of
from store.twilio_mapping import instant, now

BATCH = 60
GROUP = 250
"""How many Interactions' records are stored as requested at a time. All of them are tried within RETRY_AFTER."""
RETRY_AFTER = timedelta(minutes=10)
"""How long a server waits before it deletes a record that Twilio could not delete, or that a command requested."""


class Deleted(NamedTuple):
    """How many records are gone at Twilio, how many are not, and whether it stopped because Twilio is unavailable."""

    gone: int = 0
    left: int = 0
    is_unavailable: bool = False


async def delete_records(
    archive: Archive,
    records: TwilioRecords,
    interaction_sids: Sequence[str],
    requested_by: str,
    advance: Callable[[int], None] = lambda _: None,
) -> Deleted:
    """Deletes the records of those of these Interactions that are erased here and gone at Twilio.

    It calls ``advance`` with the number of records that were tried since the last call. If Twilio is unavailable, it
    stops early. Raises a TwilioError if no record can be deleted; then the next run, or a server with the account,
    tries the remaining ones.
    """
    account, deleted = records.account_sid.lower(), Deleted()
    rest = iter(interaction_sids)
    while group := list(islice(rest, GROUP)):
        async with archive.writer.transaction() as transaction:
            await twilio_records.request(transaction, group, requested_by)
        asked = await twilio_records.of_interactions(archive, group)
        open_ = [sid for sid, each in asked.items() if each.state not in GONE and each.account_sid.lower() == account]
        some = await _delete(archive, records, open_, advance)
        deleted = Deleted(deleted.gone + some.gone, deleted.left + some.left, some.is_unavailable)
        if some.is_unavailable:
            break
    return deleted


async def finish_records(archive: Archive, records: TwilioRecords, at_start: bool = True) -> Deleted:
    """Deletes the account's records that are still to be deleted.

    At the start it tries all of them; later only those that nobody requested or tried for RETRY_AFTER, so that a server
    doesn't interfere with a running command. Raises a TwilioError if none can be deleted.
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
            # All of them stay open, tried or not.
            return Deleted(gone, left + len(batch) + sum(1 for _ in remaining), is_unavailable=True)
        answers = await asyncio.gather(*map(records.delete, batch), return_exceptions=True)
        outcomes = [(sid, each) for sid, each in zip(batch, answers, strict=True) if isinstance(each, RecordAnswer)]
        async with archive.writer.transaction() as transaction:
            await twilio_records.note(transaction, [(sid, answer.state, answer.reason) for sid, answer in outcomes])
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        deleted = sum(answer.state in GONE for _, answer in outcomes)
        gone, left = gone + deleted, left + len(batch) - deleted
        advance(len(batch))
    return Deleted(gone, left)
