"""The deletion ledger: one entry for each deletion request, with who requested it and its state, without content.

A request names an Interaction, a Session that was deleted at Twilio, or a Participant (store/erasure/participants.py).

An entry is *intended*, then *erased* (no read finds the row), then *purged* (no file of a table or an index has a byte
of it), then *closed* (the engine's log has none either). On SQLite the last three come together, by
store/sqlite/cleaning.py; on PostgreSQL one after the other, by store/postgresql/purging/stages.py. An erased one that
is not closed says in ``waits_for`` why.
The outcome at Twilio is a separate column: see AtTwilio.
A SID in the ledger never comes back: the trigger ``deleted_interaction_stays_out`` keeps it out of every write.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from store.engine.protocols import Readable, Transaction
from store.engine.sql import Statement
from store.interactions import Interaction
from store.twilio_mapping import now

REQUEST_IN_PROGRESS, ANSWER_LOST = 1, 2
"""``at_twilio``: a request to Twilio is in progress, or its answer got lost. 0: nothing to delete at Twilio first."""

ADDRESS = "sid, session_sid, service_sid, account_sid"
COLUMNS = """
sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type, outbound_resource_sid,
outbound_resource_type, requested_by, intended_at, erased_at, closed_at, waits_for, twilio, purged_at
""".strip()
LIST = f"""
SELECT {COLUMNS} FROM deletion
WHERE (CAST(:since AS TEXT) IS NULL OR intended_at >= :since) AND (CAST(:until AS TEXT) IS NULL OR intended_at < :until)
ORDER BY intended_at, sid
""".strip()
ADD_REQUEST = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type,
  outbound_resource_sid, outbound_resource_type, requested_by, intended_at, at_twilio, twilio)
VALUES (:sid, :session_sid, :service_sid, :account_sid, :inbound_resource_sid, :inbound_resource_type,
  :outbound_resource_sid, :outbound_resource_type, :by, :at, :at_twilio, :twilio)
ON CONFLICT (sid) DO NOTHING
""".strip()
ADD_REQUESTS = Statement(
    lambda dialect: f"""
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type,
  outbound_resource_sid, outbound_resource_type, requested_by, intended_at, at_twilio, twilio)
SELECT sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type, outbound_resource_sid,
  outbound_resource_type, :by, :at, :at_twilio, :twilio
FROM interaction WHERE sid IN ({dialect.values(":sids")})
ON CONFLICT (sid) DO NOTHING
""".strip()
)
NOT_ERASED = Statement(
    lambda dialect: (
        f"SELECT {ADDRESS} FROM deletion WHERE erased_at IS NULL AND sid IN ({dialect.values(':sids')}) ORDER BY sid"
    )
)
ADD_DELETED_AT_TWILIO = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type,
  outbound_resource_sid, outbound_resource_type, requested_by, intended_at, twilio)
SELECT sid, session_sid, service_sid, account_sid, inbound_resource_sid, inbound_resource_type,
  outbound_resource_sid, outbound_resource_type, :by, :at, 'ALREADY_GONE'
FROM interaction WHERE {of} = :sid
ON CONFLICT (sid) DO NOTHING
""".strip()
ADD_SESSION_DELETED_AT_TWILIO = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at, twilio)
SELECT sid, sid, service_sid, account_sid, :by, :at, 'ALREADY_GONE' FROM session WHERE sid = :sid
ON CONFLICT (sid) DO NOTHING
""".strip()
MARK_ERASED = Statement(
    lambda dialect: f"UPDATE deletion SET erased_at = coalesce(erased_at, :at) WHERE sid IN ({dialect.values(':sids')})"
)
NOTE_HELD = Statement(
    lambda dialect: f"""
INSERT INTO legal_hold (sid, noted_at) SELECT value, :at FROM ({dialect.values(":sids")}) AS given WHERE TRUE
ON CONFLICT (sid) DO NOTHING
""".strip()
)
NOT_HELD = Statement(lambda dialect: f"DELETE FROM legal_hold WHERE sid IN ({dialect.values(':sids')})")
WITHDRAW = "DELETE FROM deletion WHERE sid = :sid AND erased_at IS NULL"
UNFINISHED = "SELECT sid FROM deletion WHERE closed_at IS NULL AND (erased_at IS NOT NULL OR at_twilio = 0)"
NOT_YET_ERASED = "SELECT sid FROM deletion WHERE erased_at IS NULL AND at_twilio = 0"
ANY_ERASED = "SELECT 1 FROM deletion WHERE closed_at IS NULL AND erased_at IS NOT NULL LIMIT 1"
PENDING_AT_TWILIO = f"""
SELECT {ADDRESS}, at_twilio = {ANSWER_LOST} OR intended_at <= :before
FROM deletion WHERE erased_at IS NULL AND at_twilio <> 0
""".strip()
NOT_AT_TWILIO = Statement(
    lambda dialect: (
        f"SELECT {ADDRESS} FROM deletion WHERE erased_at IS NOT NULL AND twilio IN ({dialect.values(':states')})"
    )
)
NOTE_ANSWER_LOST = f"UPDATE deletion SET at_twilio = {ANSWER_LOST} WHERE sid = :sid AND erased_at IS NULL"
NOTE_AT_TWILIO = """
UPDATE deletion SET twilio = :twilio WHERE sid = :sid AND (twilio IS NULL OR twilio NOT IN ('DELETED', 'ALREADY_GONE'))
""".strip()


class AtTwilio(StrEnum):
    """The outcome of a deletion at Twilio."""

    DELETED = "DELETED"
    ALREADY_GONE = "ALREADY_GONE"
    NOT_CONNECTED = "NOT_CONNECTED"
    PENDING = "PENDING"
    REFUSED = "REFUSED"


class TwilioAddress(NamedTuple):
    """The SIDs that make up the address of an Interaction at Twilio."""

    sid: str
    session_sid: str
    service_sid: str
    account_sid: str


class LedgerEntry(msgspec.Struct, frozen=True):
    """An entry of the ledger."""

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
    """Why it is erased but not closed: what keeps its bytes in the files."""
    twilio: AtTwilio | None
    """The outcome at Twilio; None in old entries, from before it was stored."""
    purged_at: str | None = None
    """When no file of a table or an index had a byte of it any more."""

    @property
    def state(self) -> str:
        """Its state: intended, erased, purged or closed."""
        if self.closed_at:
            return "closed"
        return "purged" if self.purged_at else "erased" if self.erased_at else "intended"


async def entries(archive: Readable, since: str | None = None, until: str | None = None) -> list[LedgerEntry]:
    """The ledger, the oldest first: what was requested at ``since`` or later, and before ``until``."""
    names = LedgerEntry.__struct_fields__
    rows = await archive.fetch(LIST, {"since": since, "until": until})
    return [msgspec.convert(dict(zip(names, row, strict=True)), LedgerEntry) for row in rows]


async def pending_at_twilio(archive: Readable, before: str) -> list[TwilioAddress]:
    """Deletions to repeat at Twilio before the row is erased: requested by ``before``, or with a lost answer."""
    return [TwilioAddress(*row[:4]) for row in await archive.fetch(PENDING_AT_TWILIO, {"before": before}) if row[4]]


async def not_at_twilio(archive: Readable, states: Sequence[AtTwilio]) -> list[TwilioAddress]:
    """Deletions that are erased here and whose outcome at Twilio is one of ``states``."""
    return [TwilioAddress(*row) for row in await archive.fetch(NOT_AT_TWILIO, {"states": json.dumps(states)})]


async def add_request(transaction: Transaction, interaction: Interaction, requested_by: str, at_twilio: bool) -> bool:
    """Adds a deletion request for ``interaction``, ``at_twilio`` too; returns whether it is new."""
    added = await transaction.execute(
        ADD_REQUEST,
        {
            "sid": interaction.sid,
            "session_sid": interaction.session_sid,
            "service_sid": interaction.service_sid,
            "account_sid": interaction.account_sid,
            "inbound_resource_sid": interaction.inbound_resource_sid,
            "inbound_resource_type": interaction.inbound_resource_type,
            "outbound_resource_sid": interaction.outbound_resource_sid,
            "outbound_resource_type": interaction.outbound_resource_type,
            "by": requested_by,
            "at": now(),
            "at_twilio": REQUEST_IN_PROGRESS if at_twilio else 0,
            "twilio": AtTwilio.PENDING if at_twilio else AtTwilio.NOT_CONNECTED,
        },
    )
    return added == 1


async def add_requests(transaction: Transaction, sids: Sequence[str], requested_by: str, at_twilio: bool) -> None:
    """Adds deletion requests for those of these Interactions that are stored and have none yet."""
    bound = {
        "sids": json.dumps(sids),
        "by": requested_by,
        "at": now(),
        "at_twilio": REQUEST_IN_PROGRESS if at_twilio else 0,
        "twilio": AtTwilio.PENDING if at_twilio else AtTwilio.NOT_CONNECTED,
    }
    await transaction.execute(ADD_REQUESTS, bound)


async def not_erased(archive: Readable, sids: Sequence[str]) -> list[TwilioAddress]:
    """The addresses at Twilio of those of ``sids`` that are requested and not erased yet, by SID."""
    return [TwilioAddress(*row) for row in await archive.fetch(NOT_ERASED, {"sids": json.dumps(sids)})]


async def note_held(transaction: Transaction, sids: Sequence[str]) -> None:
    """Stores that a legal hold at Twilio keeps these."""
    await transaction.execute(NOTE_HELD, {"sids": json.dumps(sids), "at": now()})


async def note_at_twilio(transaction: Transaction, sid: str, twilio: AtTwilio) -> None:
    """Stores the outcome of ``sid`` at Twilio, unless it is already known to be gone there."""
    if twilio is AtTwilio.PENDING:
        await transaction.execute(NOTE_ANSWER_LOST, {"sid": sid})
    await transaction.execute(NOTE_AT_TWILIO, {"sid": sid, "twilio": twilio})


async def add_deleted_at_twilio(transaction: Transaction, sid: str, requested_by: str) -> None:
    """Adds a request to erase an Interaction that was deleted at Twilio."""
    await transaction.execute(ADD_DELETED_AT_TWILIO.format(of="sid"), {"sid": sid, "by": requested_by, "at": now()})


async def add_session_deleted_at_twilio(transaction: Transaction, sid: str, requested_by: str) -> None:
    """Adds a request to erase a Session that was deleted at Twilio, with its Interactions."""
    bound = {"sid": sid, "by": requested_by, "at": now()}
    await transaction.execute(ADD_DELETED_AT_TWILIO.format(of="session_sid"), bound)
    await transaction.execute(ADD_SESSION_DELETED_AT_TWILIO, bound)


async def withdraw_request(transaction: Transaction, sid: str) -> None:
    """Removes a request whose row was not erased."""
    await transaction.execute(WITHDRAW, {"sid": sid})


async def mark_erased(transaction: Transaction, sids: Sequence[str]) -> None:
    """Stores that the rows of ``sids`` are erased."""
    await transaction.execute(NOT_HELD, {"sids": json.dumps(sids)})
    await transaction.execute(MARK_ERASED, {"sids": json.dumps(sids), "at": now()})
