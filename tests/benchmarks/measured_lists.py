"""The lists that search.py measures: for each its query, its orders, and a value for each condition with an index.

People are in two shapes: one number that is in every second session, as a hotline's is, and ten numbers at once.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, combinations
from pathlib import Path
from typing import Any, NamedTuple

from resolvers.arguments.cursors import cursor_of, fingerprint
from resolvers.arguments.orders import ORDERS, InteractionOrder, ParticipantOrder, SessionOrder
from store import interactions, participants, sessions
from store.interactions import InteractionFilter
from store.lists.filters import Filter, Period
from store.lists.orders import Position
from store.lists.relations import Relation
from store.participants import ParticipantFilter
from store.sessions import SessionFilter

HOTLINE = "+12025550100"
IS_THERE = "SELECT 1 FROM participant WHERE identifier = ?"
ADD_HOTLINE = """
UPDATE participant SET identifier = ? WHERE sid IN (
  SELECT max(participant.sid) FROM session JOIN participant ON session_sid = session.sid
  WHERE session.rowid % 2 = 0 GROUP BY session.sid
)
""".strip()
OTHERS = "SELECT identifier FROM participant WHERE identifier <> ? GROUP BY 1 ORDER BY count(*) DESC LIMIT 10"
MIDDLE = """
SELECT date_created, sid FROM {table} ORDER BY date_created, sid LIMIT 1 OFFSET (SELECT count(*) / 2 FROM {table})
""".strip()
DATES = """
SELECT datetime(min(date_created), '+3 days'), datetime(max(date_created), '-3 days') FROM interaction
""".strip()
ONE_INTERACTION = """
SELECT service_sid, session_sid, inbound_participant_sid, inbound_resource_sid FROM interaction
WHERE type = 'message' AND outbound_resource_status = 'sent' AND inbound_resource_status = 'received'
AND date_created > ? LIMIT 1
""".strip()
ONE_PARTICIPANT = "SELECT service_sid, session_sid, friendly_name FROM participant WHERE identifier = ? LIMIT 1"
PROXY_NUMBERS = "SELECT DISTINCT proxy_identifier FROM participant LIMIT 10"


class MeasuredList(NamedTuple):
    """A list at the root: its field, the selection of a node, the filter's type and the names of the orders."""

    field: str
    selected: str
    relation: Relation[Any]
    filter_type: type[Filter]
    orders: tuple[str, ...]

    @property
    def query(self) -> str:
        """The document; its variables are the filter, the order and the cursor."""
        noun = self.relation.record.noun
        return (
            f"query ($filter: {noun}Filter, $orderBy: {noun}Order, $after: String) {{ {self.field}(first: 50, "
            f"filter: $filter, orderBy: $orderBy, after: $after) {{ nodes {{ {self.selected} }} "
            "pageInfo { hasNextPage endCursor } } }"
        )


class Asked(NamedTuple):
    """A list with one filter and order, and the cursor of its middle row by date. ``label`` names the conditions."""

    measured: MeasuredList
    label: str
    filter: Filter
    order: str
    deep: str


LEG = "{ participantSid resourceSid resourceStatus }"
LISTS = (
    MeasuredList(
        "interactions",
        f"sid type dateCreated dateUpdated body inbound {LEG} outbound {LEG}",
        interactions.ALL,
        InteractionFilter,
        tuple(InteractionOrder.__members__),
    ),
    MeasuredList(
        "sessions",
        "sid uniqueName status mode dateCreated dateUpdated dateLastInteraction",
        sessions.ALL,
        SessionFilter,
        tuple(SessionOrder.__members__),
    ),
    MeasuredList(
        "participants",
        "sid sessionSid identifier proxyIdentifier friendlyName dateCreated dateUpdated dateDeleted",
        participants.ALL,
        ParticipantFilter,
        tuple(ParticipantOrder.__members__),
    ),
)


def add_hotline(database: Path) -> None:
    """Gives HOTLINE to a participant of every second session, unless that was done before."""
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute(IS_THERE, (HOTLINE,)).fetchone():
            connection.execute(ADD_HOTLINE, (HOTLINE,))
            connection.commit()


def everything_asked(database: Path) -> Iterator[Asked]:
    """Every set of conditions of every list, in every order; those with an identifier for each shape of people."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        values = _values(connection)
        ten = tuple(sorted(row[0] for row in connection.execute(OTHERS, (HOTLINE,))))
        for measured in LISTS:
            (middle,) = connection.execute(MIDDLE.format(table=measured.relation.record.table)).fetchall()
            own = values[measured.field]
            for names in chain.from_iterable(combinations(own, length) for length in range(len(own) + 1)):
                label = " + ".join(map(camel_case, names)) if len(names) < 3 else f"any {len(names)} of them"
                chosen = {name: own[name] for name in names}
                yield from _in_every_order(measured, label or "none", chosen, Position(*middle))
                if "identifier" in names:
                    label = f"ten identifiers, {len(names) - 1} other conditions"
                    yield from _in_every_order(measured, label, chosen | {"identifier": ten}, Position(*middle))


def camel_case(name: str) -> str:
    """A condition's name in GraphQL."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _in_every_order(
    measured: MeasuredList, label: str, conditions: dict[str, Any], middle: Position
) -> Iterator[Asked]:
    chosen = measured.filter_type(**conditions)
    for name in measured.orders:
        order = ORDERS[name.lower().replace("_asc", " asc").replace("_desc", " desc")]
        of = fingerprint(measured.relation.name, None, order, chosen if conditions else None)
        yield Asked(measured, label, chosen, name, cursor_of(middle, of))


def _values(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """A value for each condition of each list, by which many rows are found."""
    ((since, before),) = connection.execute(DATES)
    period = Period(*(f"{moment.replace(' ', 'T')}.000Z" for moment in (since, before)))
    ((service, session, participant, resource),) = connection.execute(ONE_INTERACTION, (period.since,))
    ((its_service, its_session, name),) = connection.execute(ONE_PARTICIPANT, (HOTLINE,))
    ((unique_name,),) = connection.execute("SELECT unique_name FROM session WHERE sid = ?", (session,))
    return {
        "interactions": {
            "type": ("message",),
            "inbound_status": ("completed", "received"),
            "outbound_status": ("delivered", "failed", "queued", "sent"),
            "date_created": period,
            "service_sid": service,
            "session_sid": session,
            "participant_sid": participant,
            "resource_sid": resource,
            "identifier": (HOTLINE,),
        },
        "sessions": {
            "unique_name": unique_name,
            "status": ("closed", "open"),
            "mode": ("message-only", "voice-only"),
            "date_created": period,
            "date_last_interaction": period,
            "identifier": (HOTLINE,),
        },
        "participants": {
            "service_sid": its_service,
            "session_sid": its_session,
            "proxy_identifier": tuple(sorted(row[0] for row in connection.execute(PROXY_NUMBERS))),
            "friendly_name": name,
            "removed": False,
            "identifier": (HOTLINE,),
        },
    }
