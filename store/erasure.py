"""Erasing an Interaction, so that no read finds it and no file holds a byte of it.

The row goes with secure_delete on, which overwrites it with zeros. Cleaning then moves those zeros into the database,
empties the log, where the row's earlier copies were, and closes the ledger's entry (store/sqlite/cleaning.py). A
reader can hold the log; then the entry stays open and says so, and the server tries again until it is closed.
"""

import asyncio
import json
import logging
import time
from collections.abc import Sequence

from store import ledger
from store.archive import Archive
from store.errors import StoreError
from store.interactions import Interaction
from store.ledger import AtTwilio

ERASE = "DELETE FROM interaction WHERE sid IN (SELECT value FROM json_each(?))"
ERASE_SESSION = "DELETE FROM session WHERE sid IN (SELECT value FROM json_each(?))"

CLEANING_SECONDS = 6.0
"""How long an erasure waits to be clean: longer than a search, which may hold the log for 5 seconds, may take."""
PAUSE_SECONDS = 0.05

log = logging.getLogger("proxygraph.store")


async def intend(archive: Archive, interaction: Interaction, requested_by: str, at_twilio: bool = False) -> bool:
    """Writes the wish to the ledger; whether it is a new one. From here on a crash is finished at the next start."""
    async with archive.writer.transaction() as transaction:
        return await ledger.intend(transaction, interaction, requested_by, at_twilio)


async def note_at_twilio(archive: Archive, sid: str, twilio: AtTwilio) -> None:
    """Notes in the ledger what became of ``sid`` at Twilio."""
    async with archive.writer.transaction() as transaction:
        await ledger.note_at_twilio(transaction, sid, twilio)


async def withdraw(archive: Archive, sid: str) -> None:
    """Takes a wish back that Twilio refused: the row stays."""
    async with archive.writer.transaction() as transaction:
        await ledger.withdraw(transaction, sid)


async def erase(archive: Archive, *sids: str, twilio: AtTwilio | None = None) -> bool:
    """Erases the Interactions whose erasure is intended; whether no byte of them is left, and their entries closed.

    ``twilio`` is what became of them there, where that is to be noted.
    Once the rows are gone nothing raises: what has still to be cleaned stays in the ledger, with the reason.
    """
    async with archive.writer.transaction() as transaction:
        for sql in (ERASE, ERASE_SESSION):
            await transaction.execute(sql, (json.dumps(sids),))
        await ledger.mark_erased(transaction, sids)
        if twilio:
            for sid in sids:
                await ledger.note_at_twilio(transaction, sid, twilio)
    reason = await _cleaned(archive)
    if reason:
        log.warning("Erased %d rows, but not yet every byte of them: %s", len(sids), reason)
    return reason is None


async def clean_rest(archive: Archive) -> None:
    """Tries once to clean what erasures had to leave, as the ledger says; it says the reason where that fails again."""
    if list(await archive.fetch(ledger.ANY_ERASED)) and await archive.writer.clean() is None:
        log.info("Every byte of what was erased is gone from the files.")


async def _cleaned(archive: Archive) -> str | None:
    until = time.monotonic() + CLEANING_SECONDS
    while True:
        try:
            reason = await archive.writer.clean()
        except StoreError as error:
            reason = str(error)
        if reason is None or time.monotonic() >= until:
            return reason
        await asyncio.sleep(PAUSE_SECONDS)


async def erase_vanished(
    archive: Archive, interactions: Sequence[str], sessions: Sequence[str], requested_by: str
) -> None:
    """Erases Interactions, and Sessions with what they hold, that were deleted at Twilio; notes each in the ledger."""
    async with archive.writer.transaction() as transaction:
        for sid in interactions:
            await ledger.intend_vanished(transaction, sid, requested_by)
        for sid in sessions:
            await ledger.intend_vanished_session(transaction, sid, requested_by)
    await recover(archive)


async def recover(archive: Archive) -> int:
    """Finishes every erasure that a crash left half done and that needs no Twilio; returns how many there were."""
    sids = [row[0] for row in await archive.fetch(ledger.UNFINISHED)]
    if sids:
        await erase(archive, *sids)
    return len(sids)
