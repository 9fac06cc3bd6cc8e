"""Erases Interactions, so that no read finds it and no file holds a byte of it.

A row is deleted with secure_delete on, which overwrites it with zeros. Cleaning then checkpoints those zeros into the
database file, empties the write-ahead log, which has earlier copies of the row, and closes the ledger's entry
(store/sqlite/cleaning.py). If a reader keeps the log from being emptied, the entry stays open with that reason, and the
server retries until it is closed.

PostgreSQL keeps a deleted row's bytes longer, in its table and in its log. There the erasure goes through stages in the
background (store/postgresql/purging/stages.py), and the ledger's entry is closed after the last one.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from store.engine.protocols import Archive, Transaction
from store.engine.sql import Statement
from store.erasure import ledger, participants
from store.erasure.ledger import AtTwilio
from store.errors import StoreError
from store.interactions import Interaction

ERASE = Statement(lambda dialect: f"DELETE FROM interaction WHERE sid IN ({dialect.values(':sids')})")
ERASE_SESSION = Statement(lambda dialect: f"DELETE FROM session WHERE sid IN ({dialect.values(':sids')})")

Check: TypeAlias = Callable[[Transaction], Awaitable[None]]
"""Raises where a transaction must not go on."""

CLEANING_SECONDS = 6.0
"""How long an erasure retries its cleaning: longer than a search may take, which can block the log for 5 seconds."""
PAUSE_SECONDS = 0.05

log = logging.getLogger("proxygraph.store")


async def request(archive: Archive, interaction: Interaction, requested_by: str, at_twilio: bool = False) -> bool:
    """Stores a deletion request; returns whether it is new. From here on the next start finishes it after a crash."""
    async with archive.writer.transaction() as transaction:
        return await ledger.add_request(transaction, interaction, requested_by, at_twilio)


async def request_all(archive: Archive, sids: Sequence[str], requested_by: str, at_twilio: bool) -> set[str]:
    """Stores a deletion request for each of these Interactions that is stored; returns which requests are new."""
    async with archive.writer.transaction() as transaction:
        # Inside the transaction nobody else writes. If Twilio can't be asked, only new requests are withdrawn.
        known = {address.sid for address in await ledger.not_erased(archive, sids)}
        await ledger.add_requests(transaction, sids, requested_by, at_twilio)
    return {address.sid for address in await ledger.not_erased(archive, sids)} - known


async def note_at_twilio(archive: Archive, sid: str, twilio: AtTwilio) -> None:
    """Stores the outcome of ``sid`` at Twilio in the ledger."""
    async with archive.writer.transaction() as transaction:
        await ledger.note_at_twilio(transaction, sid, twilio)


async def withdraw_request(archive: Archive, sid: str, held: bool = False) -> None:
    """Removes a request that Twilio refused: the row stays. ``held`` says that a legal hold is the reason."""
    async with archive.writer.transaction() as transaction:
        await ledger.withdraw_request(transaction, sid)
        if held:
            await ledger.note_held(transaction, [sid])


async def erase(archive: Archive, *sids: str, twilio: AtTwilio | None = None) -> bool:
    """Erases requested Interactions, Sessions and Participants; ``twilio`` is the outcome of all of them there.

    See ``erase_all``.
    """
    return await erase_all(archive, dict.fromkeys(sids, twilio))


async def erase_all(archive: Archive, outcomes: Mapping[str, AtTwilio | None]) -> bool:
    """Erases what was requested; returns whether no byte of it is left and the entries are closed.

    ``outcomes`` has the outcome of each SID at Twilio, to be stored too. Once the rows are erased nothing raises: what
    can't be cleaned yet stays in the ledger with the reason.
    """
    sids = list(outcomes)
    async with archive.writer.transaction() as transaction:
        for sql in (ERASE, ERASE_SESSION, participants.ERASE):
            await transaction.execute(sql, {"sids": json.dumps(sids)})
        await ledger.mark_erased(transaction, sids)
        for sid, twilio in outcomes.items():
            if twilio:
                await ledger.note_at_twilio(transaction, sid, twilio)
    reason = await clean_until_deadline(archive)
    if reason and not archive.writer.cleans_at_once:
        log.info("Rows erased: %d. Their bytes are removed in the background.", len(sids))
    elif reason:
        log.warning("Rows erased: %d, but not yet every byte of them: %s", len(sids), reason)
    return reason is None


async def retry_cleaning(archive: Archive, at_once: bool = False) -> None:
    """Tries once to clean what earlier erasures could not; if it fails again, the ledger has the reason.

    Where that takes long, several erasures are cleaned together, unless ``at_once``.
    """
    if list(await archive.fetch(ledger.ANY_ERASED)) and await archive.writer.purge(at_once) is None:
        log.info("Every byte of what was erased is gone from the files.")


async def clean_until_deadline(archive: Archive) -> str | None:
    """Tries to clean for some seconds. Returns None if no byte of what was erased is left, else the reason."""
    until = time.monotonic() + CLEANING_SECONDS
    while True:
        try:
            reason = await archive.writer.clean()
        except StoreError as error:
            reason = str(error)
        if reason is None or not archive.writer.cleans_at_once or time.monotonic() >= until:
            return reason
        await asyncio.sleep(PAUSE_SECONDS)


async def erase_deleted_at_twilio(
    archive: Archive,
    interactions: Sequence[str],
    sessions: Sequence[str],
    requested_by: str,
    check: Check | None = None,
) -> None:
    """Erases Interactions, and Sessions with their Interactions, that were deleted at Twilio, by way of the ledger.

    ``check`` runs in the transaction that enters them into the ledger, and may raise to prevent that.
    """
    async with archive.writer.transaction() as transaction:
        if check:
            await check(transaction)
        for sid in interactions:
            await ledger.add_deleted_at_twilio(transaction, sid, requested_by)
        for sid in sessions:
            await ledger.add_session_deleted_at_twilio(transaction, sid, requested_by)
    await recover(archive)


async def recover(archive: Archive) -> int:
    """Finishes the erasures that a crash interrupted and that need no answer of Twilio's; returns how many.

    Those whose bytes are removed in the background are left to that.
    """
    unfinished = ledger.UNFINISHED if archive.writer.cleans_at_once else ledger.NOT_YET_ERASED
    sids = [row[0] for row in await archive.fetch(unfinished)]
    if sids:
        await erase(archive, *sids)
    return len(sids)
