"""Erasing an Interaction, so that no read finds it and no file holds a byte of it.

The row goes with secure_delete on, which overwrites it with zeros; the truncating checkpoint then moves those
zeros into the database and empties the log, where the row's earlier copies were. Copies of the database
that a migration set aside are removed, since they hold it too.
"""

import logging
from collections.abc import Sequence

from store import ledger
from store.archive import Archive
from store.interactions import Interaction
from store.sqlite.migrations import copies

ERASE = "DELETE FROM interaction WHERE sid = ?"
ERASE_SESSION = "DELETE FROM session WHERE sid = ?"

log = logging.getLogger("proxygraph.store")


async def intend(archive: Archive, interaction: Interaction, requested_by: str, at_twilio: bool = False) -> None:
    """Writes the wish to the ledger. From here on a crash is finished at the next start."""
    async with archive.writer.transaction() as transaction:
        await ledger.intend(transaction, interaction, requested_by, at_twilio)


async def withdraw(archive: Archive, sid: str) -> None:
    """Takes a wish back that Twilio refused: the row stays."""
    async with archive.writer.transaction() as transaction:
        await ledger.withdraw(transaction, sid)


async def waiting_for_twilio(archive: Archive) -> list[tuple[str, str, str]]:
    """The wishes that Twilio has to fulfil first: the Interaction's SID, its Session's and its Service's."""
    return [(row[0], row[1], row[2]) for row in await archive.fetch(ledger.WAITING)]


async def erase(archive: Archive, *sids: str) -> None:
    """Erases the Interactions whose erasure is intended, and closes their entries."""
    async with archive.writer.transaction() as transaction:
        for sid in sids:
            await transaction.execute(ERASE, (sid,))
            await transaction.execute(ERASE_SESSION, (sid,))
            await ledger.mark_erased(transaction, sid)
    for copy in copies(archive.path):
        copy.unlink(missing_ok=True)
        log.warning("Removed %s, a copy from before a migration, since it held what was erased.", copy.name)
    if not await archive.writer.checkpoint():
        log.warning("A reader held up the emptying of the log; the next deletion or start will finish it.")
        return
    async with archive.writer.transaction() as transaction:
        await ledger.close_erased(transaction)


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
