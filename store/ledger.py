"""The deletion ledger: what was to be erased, who wanted it, and how far it got; no word of the content.

An entry is *intended*, then *erased* (no read finds the row), then *closed* (no byte of it is left in the files),
which store/sqlite/cleaning.py does. An erased one that is not closed says in ``waits_for`` why.
What became of it at Twilio is noted beside that: see AtTwilio.
A sid in the ledger never comes back: the trigger ``deleted_interaction_stays_out`` keeps it out of every write.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from store.archive import Readable
from store.interactions import Interaction
from store.sqlite.writer import Transaction
from store.twilio_mapping import instant

ASKED, LOST = 1, 2
"""``at_twilio``: Twilio is asked, or its answer got lost. 0 is where Twilio need not be asked before the row goes."""

ADDRESS = "sid, session_sid, service_sid, account_sid"
COLUMNS = """
sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type, outbound_resource_sid,
outbound_resource_type, requested_by, intended_at, erased_at, closed_at, waits_for, twilio
""".strip()
LIST = f"SELECT {COLUMNS} FROM deletion ORDER BY intended_at, sid"
INTEND = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type,
  outbound_resource_sid, outbound_resource_type, requested_by, intended_at, at_twilio, twilio)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sid) DO NOTHING
""".strip()
INTEND_VANISHED = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type,
  outbound_resource_sid, outbound_resource_type, requested_by, intended_at, twilio)
SELECT sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type,
  outbound_resource_sid, outbound_resource_type, :by, :at, 'ALREADY_GONE'
FROM interaction WHERE {of} = :sid
ON CONFLICT (sid) DO NOTHING
""".strip()
INTEND_SESSION = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at, twilio)
SELECT sid, sid, service_sid, account_sid, :by, :at, 'ALREADY_GONE' FROM session WHERE sid = :sid
ON CONFLICT (sid) DO NOTHING
""".strip()
MARK_ERASED = (
    "UPDATE deletion SET erased_at = coalesce(erased_at, :at) WHERE sid IN (SELECT value FROM json_each(:sids))"
)
WITHDRAW = "DELETE FROM deletion WHERE sid = ? AND erased_at IS NULL"
UNFINISHED = "SELECT sid FROM deletion WHERE closed_at IS NULL AND (erased_at IS NOT NULL OR NOT at_twilio)"
ANY_ERASED = "SELECT 1 FROM deletion WHERE closed_at IS NULL AND erased_at IS NOT NULL LIMIT 1"
WAITING = f"""
SELECT {ADDRESS}, at_twilio = {LOST} OR intended_at <= :before FROM deletion WHERE erased_at IS NULL AND at_twilio
""".strip()
NOT_AT_TWILIO = f"""
SELECT {ADDRESS} FROM deletion WHERE erased_at IS NOT NULL AND twilio IN (SELECT value FROM json_each(:states))
""".strip()
NOTE_LOST = f"UPDATE deletion SET at_twilio = {LOST} WHERE sid = ? AND erased_at IS NULL"
NOTE_AT_TWILIO = """
UPDATE deletion SET twilio = :twilio WHERE sid = :sid AND (twilio IS NULL OR twilio NOT IN ('DELETED', 'ALREADY_GONE'))
""".strip()


class AtTwilio(StrEnum):
    """What became of a deletion at Twilio."""

    DELETED = "DELETED"
    ALREADY_GONE = "ALREADY_GONE"
    NOT_CONNECTED = "NOT_CONNECTED"
    PENDING = "PENDING"
    REFUSED = "REFUSED"


class Address(NamedTuple):
    """Where an Interaction of the ledger is at Twilio."""

    sid: str
    session_sid: str
    service_sid: str
    account_sid: str


class Entry(msgspec.Struct, frozen=True):
    """A line of the ledger."""

    sid: str
    session_sid: str
    service_sid: str
    account_sid: str
    inbound_resource_sid: str | None
    inbound_resource_type: str | None
    outbound_resource_sid: str | None
    outbound_resource_type: str | None
    requested_by: str
    intended_at: str
    erased_at: str | None
    closed_at: str | None
    waits_for: str | None
    """Why it is erased and not closed: what keeps its bytes in the files."""
    twilio: AtTwilio | None
    """What became of it at Twilio; None where that is not known, in entries from before it was noted."""

    @property
    def state(self) -> str:
        """How far it got."""
        return "closed" if self.closed_at else "erased" if self.erased_at else "intended"


async def entries(archive: Readable) -> list[Entry]:
    """The whole ledger, the oldest first."""
    names = Entry.__struct_fields__
    return [msgspec.convert(dict(zip(names, row, strict=True)), Entry) for row in await archive.fetch(LIST)]


async def waiting(archive: Readable, before: str) -> list[Address]:
    """The wishes that Twilio has to fulfil first and is not being asked for: from ``before``, or with a lost answer."""
    return [Address(*row[:4]) for row in await archive.fetch(WAITING, {"before": before}) if row[4]]


async def not_at_twilio(archive: Readable, states: Sequence[AtTwilio]) -> list[Address]:
    """What is erased here and, as one of ``states`` says, not deleted at Twilio."""
    return [Address(*row) for row in await archive.fetch(NOT_AT_TWILIO, {"states": json.dumps(states)})]


async def intend(transaction: Transaction, interaction: Interaction, requested_by: str, at_twilio: bool) -> bool:
    """Notes that ``requested_by`` wants ``interaction`` erased, ``at_twilio`` too; whether that is new."""
    added = await transaction.execute(
        INTEND,
        (
            interaction.sid,
            interaction.session_sid,
            interaction.service_sid,
            interaction.account_sid,
            interaction.inbound_resource_sid,
            interaction.inbound_resource_type,
            interaction.outbound_resource_sid,
            interaction.outbound_resource_type,
            requested_by,
            now(),
            ASKED if at_twilio else 0,
            AtTwilio.PENDING if at_twilio else AtTwilio.NOT_CONNECTED,
        ),
    )
    return added == 1


async def note_at_twilio(transaction: Transaction, sid: str, twilio: AtTwilio) -> None:
    """Notes what became of ``sid`` at Twilio; that it is gone there is not taken back."""
    if twilio is AtTwilio.PENDING:
        await transaction.execute(NOTE_LOST, (sid,))
    await transaction.execute(NOTE_AT_TWILIO, {"sid": sid, "twilio": twilio})


async def intend_vanished(transaction: Transaction, sid: str, requested_by: str) -> None:
    """Notes that an Interaction that is gone at Twilio is to be erased here."""
    await transaction.execute(INTEND_VANISHED.format(of="sid"), {"sid": sid, "by": requested_by, "at": now()})


async def intend_vanished_session(transaction: Transaction, sid: str, requested_by: str) -> None:
    """Notes that a Session that is gone at Twilio is to be erased here, with all its Interactions."""
    bound = {"sid": sid, "by": requested_by, "at": now()}
    await transaction.execute(INTEND_VANISHED.format(of="session_sid"), bound)
    await transaction.execute(INTEND_SESSION, bound)


async def withdraw(transaction: Transaction, sid: str) -> None:
    """Forgets a wish that was not fulfilled."""
    await transaction.execute(WITHDRAW, (sid,))


async def mark_erased(transaction: Transaction, sids: Sequence[str]) -> None:
    """Notes that the rows of ``sids`` are gone."""
    await transaction.execute(MARK_ERASED, {"sids": json.dumps(sids), "at": now()})


def now() -> str:
    """This moment, as the archive writes times."""
    return instant(datetime.now(UTC).isoformat())
