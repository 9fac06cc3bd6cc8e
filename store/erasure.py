"""Erasing an Interaction, so that no read finds it and no file holds a byte of it.

The row goes with secure_delete on, which overwrites it with zeros; the truncating checkpoint then moves those
zeros into the database and empties the log, where the row's earlier copies were. Copies of the database
that a migration set aside are removed, since they hold it too.
"""

import logging

from store import ledger
from store.archive import Archive
from store.interactions import Interaction
from store.migrations import copies

ERASE = "DELETE FROM interaction WHERE sid = ?"

log = logging.getLogger("proxygraph.store")


async def intend(archive: Archive, interaction: Interaction, requested_by: str) -> None:
    """Writes the wish to the ledger. From here on a crash is finished by ``recover``."""
    async with archive.writer.transaction() as transaction:
        await ledger.intend(transaction, interaction, requested_by)


async def erase(archive: Archive, *sids: str) -> None:
    """Erases the Interactions whose erasure is intended, and closes their entries."""
    async with archive.writer.transaction() as transaction:
        for sid in sids:
            await transaction.execute(ERASE, (sid,))
            await ledger.mark_erased(transaction, sid)
    for copy in copies(archive.path):
        copy.unlink(missing_ok=True)
        log.warning("Removed %s, a copy from before a migration, since it held what was erased.", copy.name)
    if not await archive.writer.checkpoint():
        log.warning("A reader held up the emptying of the log; the next deletion or start will finish it.")
        return
    async with archive.writer.transaction() as transaction:
        await ledger.close_erased(transaction)


async def recover(archive: Archive) -> int:
    """Finishes every erasure that a crash left half done; returns how many there were."""
    sids = [row[0] for row in await archive.fetch(ledger.UNFINISHED)]
    if sids:
        await erase(archive, *sids)
    return len(sids)
