"""Confirms rows of callbacks by the API's lists and fetches, and keeps older answers from replacing newer rows.

A list may have been read before a callback came, and be written after it. So an answer of the API that is older than a
row doesn't replace it if the callback came after the reading began. If it came before, the API's answer always counts:
a sync agrees with Twilio row by row, and a row with a wrong date doesn't stay for good.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from store.callbacks.merging import completed, is_outdated
from store.columns import Record
from store.engine.protocols import Transaction
from store.engine.sql import Statement
from store.interactions import Interaction
from store.sessions import Session
from store.twilio_mapping import now

ANY_MARK = "SELECT 1 FROM callback_row LIMIT 1"
CONFIRM = Statement(lambda dialect: f"DELETE FROM callback_row WHERE sid IN ({dialect.values(':sids')})")
SHOWN = Statement(
    lambda dialect: f"UPDATE callback_row SET is_only = FALSE WHERE is_only AND sid IN ({dialect.values(':sids')})"
)
PROTECT = Statement(
    lambda dialect: f"""
INSERT INTO callback_row (sid, session_sid, received_at, is_only)
SELECT value, value, :at, FALSE FROM ({dialect.values(":sids")}) AS given WHERE TRUE
ON CONFLICT (sid) DO UPDATE SET received_at = excluded.received_at, is_only = FALSE
""".strip()
)


class Confirmed(msgspec.Struct, frozen=True):
    """The rows to write, and the SIDs of the Sessions for which the answer was older than the stored row."""

    rows: list[Record]
    outdated_sessions: list[str]


async def confirm(transaction: Transaction, rows: Sequence[Record], since: str) -> Confirmed:
    """Notes that the API has shown ``rows``, all of one type; returns them, those that are outdated as they are stored.

    ``since`` is when the reading began: only callbacks that came later can be ahead of it. An outdated row stays as it
    is, but for properties that it lacked.
    """
    if not rows or not await transaction.fetch(ANY_MARK):
        return Confirmed(list(rows), [])
    record_type = type(rows[0])
    stored: dict[str, Record] = {}
    if record_type in (Interaction, Session):
        bound: dict[str, Any] = {"since": since, "sids": json.dumps([row.sid for row in rows])}
        # A callback has the Interaction's own dates, and its Session's row is made with the Interaction's dates too.
        bound["of_callbacks"] = record_type is Interaction
        found = await transaction.fetch(_recent(record_type), bound)
        stored = {row[0]: record_type(*row) for row in found}
    written: list[Record] = []
    confirmed: list[str] = []
    outdated: list[Record] = []
    for row in rows:
        before = stored.get(row.sid)
        if before is None or not is_outdated(row, before):
            written.append(row)
            confirmed.append(row.sid)
        else:
            outdated.append(before)
            filled = isinstance(before, Interaction) and isinstance(row, Interaction)
            written.append(completed(before, row) if filled else before)  # type: ignore[arg-type]
    await transaction.execute(CONFIRM, {"sids": json.dumps(confirmed)})
    await transaction.execute(SHOWN, {"sids": json.dumps([row.sid for row in outdated])})
    return Confirmed(written, [getattr(row, "session_sid", row.sid) for row in outdated])


async def protect_sessions(transaction: Transaction, sids: Sequence[str]) -> None:
    """Notes that these Sessions were just fetched, so that a list that was read before doesn't replace them."""
    await transaction.execute(PROTECT, {"sids": json.dumps(list(dict.fromkeys(sids))), "at": now()})


@lru_cache
def _recent(record_type: type[Record]) -> Statement:
    """The stored rows that callbacks have brought since, among those with the given SIDs."""
    table = record_type.table
    columns = ", ".join(f"{table}.{name}" for name in record_type.__struct_fields__)
    return Statement(
        lambda dialect: f"""
SELECT {columns} FROM callback_row JOIN {table} ON {table}.sid = callback_row.sid
WHERE received_at > :since AND (NOT is_only OR :of_callbacks) AND callback_row.sid IN ({dialect.values(":sids")})
""".strip()
    )
