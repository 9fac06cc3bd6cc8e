"""The sync's state: the archive's account, the progress of each Service, and the marks on Sessions and Interactions."""

import json
from collections.abc import Iterable, Mapping

from store.demo import demo_mark
from store.engine.protocols import Archive, Transaction
from store.engine.sql import Statement
from store.errors import DatabaseOccupied
from store.twilio_mapping import now

OWNER = "SELECT coalesce(account_sid, (SELECT account_sid FROM service LIMIT 1)) FROM archive"
COUNT_INTERACTIONS = "SELECT count(*) FROM interaction"
COUNT_ERASED = """
SELECT count(*) FILTER (WHERE substr(sid, 1, 2) = 'KI'), count(*) FILTER (WHERE substr(sid, 1, 2) = 'KC') FROM deletion
WHERE requested_by = :by AND intended_at >= :since
""".strip()
ARCHIVE_SESSION = """
UPDATE session SET archived_at = :now WHERE sid = :sid AND kept_at IS NULL
  AND (archived_at IS NULL OR archived_at > :now)
""".strip()
KEEP_SESSION = "UPDATE session SET kept_at = :now, archived_at = coalesce(archived_at, :now) WHERE sid = :sid"
KEEP_INTERACTION = "UPDATE interaction SET kept_at = :now WHERE sid = :sid"
PENDING_SERVICE = Statement(
    lambda dialect: f"""
INSERT INTO service_sync (service_sid, sessions_pending)
SELECT key, CAST(value AS INTEGER) FROM ({dialect.pairs(":pending")}) AS given WHERE key IN (SELECT sid FROM service)
ON CONFLICT (service_sid) DO UPDATE SET sessions_pending = excluded.sessions_pending
""".strip()
)
REMOVE_SERVICE = """
DELETE FROM service WHERE sid = :sid AND NOT EXISTS (SELECT 1 FROM session WHERE service_sid = :sid)
""".strip()
COMPLETE_SERVICE = """
INSERT INTO service_sync (service_sid, completed_at) VALUES (:sid, :at)
ON CONFLICT (service_sid) DO UPDATE SET completed_at = excluded.completed_at
""".strip()


async def check_account(archive: Archive, account_sid: str) -> None:
    """Raises DatabaseOccupied if the archive is a demo, or of another account than ``account_sid``."""
    if await demo_mark(archive) is not None:
        raise DatabaseOccupied(f"{archive.database} is a demo; a real account is not mixed into it. Name another file.")
    ((owner,),) = await archive.fetch(OWNER)
    if owner not in (None, account_sid):
        raise DatabaseOccupied(
            f"{archive.database} mirrors the account {owner}, but the credentials are those of {account_sid}. "
            "An archive belongs to one account: name another file, or give that account's credentials."
        )


async def bind_account(archive: Archive, account_sid: str) -> None:
    """Binds the archive to ``account_sid``. Raises DatabaseOccupied if it is a demo, or of another account."""
    await check_account(archive, account_sid)
    ((owner,),) = await archive.fetch("SELECT account_sid FROM archive")
    if owner is None:
        async with archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE archive SET account_sid = :sid", {"sid": account_sid})


async def note_pending(transaction: Transaction, pending: Mapping[str, int]) -> None:
    """Stores how many Sessions of each Service must still be read."""
    await transaction.execute(PENDING_SERVICE, {"pending": json.dumps(dict(pending))})


async def complete_services(transaction: Transaction, service_sids: Iterable[str]) -> None:
    """Stores that these Services were read completely."""
    for sid in service_sids:
        await transaction.execute(COMPLETE_SERVICE, {"sid": sid, "at": now()})


async def archive_session(transaction: Transaction, sid: str) -> int:
    """Marks a Session as deleted by Twilio's retention and kept here; returns 1, or 0 if it was marked before."""
    return await transaction.execute(ARCHIVE_SESSION, {"now": now(), "sid": sid})


async def keep_session(transaction: Transaction, sid: str) -> int:
    """Marks a Session that was deleted at Twilio as kept by ``--keep``; returns 1."""
    return await transaction.execute(KEEP_SESSION, {"now": now(), "sid": sid})


async def keep_interaction(transaction: Transaction, sid: str) -> None:
    """Marks an Interaction that was deleted at Twilio as kept by ``--keep``."""
    await transaction.execute(KEEP_INTERACTION, {"now": now(), "sid": sid})


async def erased_since(archive: Archive, by: str, since: str) -> tuple[int, int]:
    """How many Interactions and Sessions the ledger has as erased ``by`` somebody since this time."""
    ((interactions, sessions),) = await archive.fetch(COUNT_ERASED, {"by": by, "since": since})
    return interactions, sessions
