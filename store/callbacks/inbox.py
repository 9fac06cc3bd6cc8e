"""Stores what callbacks say of Interactions: many in one transaction, each with its outcome.

An Interaction whose Session or Service isn't stored yet brings both as far as a callback names them. They, and the
Interaction, are marked in ``callback_row`` until the API confirms them (store/callbacks/confirmation.py). The Session
is put in the queue of those to read (store/callbacks/queue.py), unless the API has shown the Interaction before: then
the callback says all that has changed.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from store.callbacks import queue
from store.callbacks.merging import merged
from store.engine.protocols import Archive, Transaction
from store.engine.sql import Statement
from store.interactions import Interaction
from store.services import Service
from store.sessions import Session
from store.twilio_mapping import instant, now, record

STORED = Statement(
    lambda dialect: (
        f"SELECT {', '.join(Interaction.__struct_fields__)} FROM interaction WHERE sid IN ({dialect.values(':sids')})"
    )
)
DELETED = Statement(lambda dialect: f"SELECT sid FROM deletion WHERE sid IN ({dialect.values(':sids')})")
KNOWN = Statement(
    lambda dialect: f"""
SELECT sid FROM session WHERE sid IN ({dialect.values(":sids")})
UNION ALL SELECT sid FROM service WHERE sid IN ({dialect.values(":sids")})
""".strip()
)
MARK = Statement(
    lambda dialect: f"""
INSERT INTO callback_row (sid, session_sid, received_at, is_only)
SELECT sid, session_sid, :at, CAST(is_only AS BOOLEAN)
FROM ({dialect.rows(":rows", "sid", "session_sid", "is_only")}) AS given WHERE TRUE
ON CONFLICT (sid) DO UPDATE SET received_at = excluded.received_at
""".strip()
)
UNMARK_READ = Statement(lambda dialect: f"DELETE FROM session_read WHERE session_sid IN ({dialect.values(':sids')})")
RECEIVED = Statement(
    lambda dialect: f"""
UPDATE archive SET account_sid = coalesce(account_sid, :account),
  last_callback_at = {dialect.greatest("coalesce(last_callback_at, '')", ":at")}
""".strip()
)


class CallbackOutcome(StrEnum):
    """What became of a callback: new, changed or unchanged rows; or it speaks of what was erased, and stays out."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    ERASED = "erased"


async def take(archive: Archive, given: Sequence[Interaction]) -> list[CallbackOutcome]:
    """Stores what the callbacks ``given`` say, in their order and in one transaction; returns the outcome of each.

    All are of the archive's account. Raises a StoreError if they can't be stored.
    """
    outcomes: list[CallbackOutcome] = []
    async with archive.writer.transaction(is_mirrored=True) as transaction:
        found = await transaction.fetch(STORED, _bound(one.sid for one in given))
        stored = {row[0]: Interaction(*row) for row in found}
        of_session = {one.sid: one.session_sid for one in given}
        deleted = {row[0] for row in await transaction.fetch(DELETED, _bound((*of_session, *of_session.values())))}
        changed: dict[str, Interaction] = {}
        new = set()
        for one in given:
            before = changed.get(one.sid) or stored.get(one.sid)
            if before is None and (one.sid in deleted or one.session_sid in deleted):
                outcomes.append(CallbackOutcome.ERASED)
                continue
            after = one if before is None else merged(before, one)
            outcomes.append(
                CallbackOutcome.NEW
                if before is None
                else CallbackOutcome.UNCHANGED
                if after is before
                else CallbackOutcome.CHANGED
            )
            if before is None:
                new.add(one.sid)
            if after is not before:
                changed[one.sid] = after
        if changed:
            await _write(transaction, list(changed.values()), new)
        await transaction.execute(RECEIVED, {"account": given[0].account_sid, "at": now()})
    return outcomes


async def _write(transaction: Transaction, interactions: list[Interaction], new: set[str]) -> None:
    marks: list[tuple[str, str | None, bool]] = []
    if new:
        marks += await _put_parents(transaction, [one for one in interactions if one.sid in new])
    await transaction.put(interactions)
    marks += [(one.sid, one.session_sid, one.sid in new) for one in interactions]
    await transaction.execute(MARK, {"rows": json.dumps(marks), "at": now()})
    # A callback may have been lost before this one, so the next sync reads the Session again.
    await transaction.execute(UNMARK_READ, _bound({one.session_sid for one in interactions}))
    incomplete = {one.session_sid: one.service_sid for one in interactions if one.url is None}
    if incomplete:
        await queue.add(transaction, incomplete, instant((datetime.now(UTC) + queue.GATHER).isoformat()))


async def _put_parents(transaction: Transaction, new: list[Interaction]) -> list[tuple[str, str | None, bool]]:
    """Adds the Sessions and Services that aren't stored; returns their marks."""
    sids = {sid for one in new for sid in (one.session_sid, one.service_sid)}
    known = {row[0] for row in await transaction.fetch(KNOWN, _bound(sids))}
    services, sessions = {}, {}
    for one in sorted(new, key=lambda one: one.date_created, reverse=True):  # The earliest one's date stays.
        dates = {"date_created": one.date_created, "account_sid": one.account_sid}
        if one.service_sid not in known:
            services[one.service_sid] = record(Service, {"sid": one.service_sid} | dates)
        if one.session_sid not in known:
            address = {"sid": one.session_sid, "service_sid": one.service_sid}
            sessions[one.session_sid] = record(Session, address | dates)
    await transaction.put(services.values())
    await transaction.put(sessions.values())
    return [(sid, sid if sid in sessions else None, True) for sid in (*services, *sessions)]


def _bound(sids: Iterable[str]) -> dict[str, str]:
    return {"sids": json.dumps(list(sids))}
