"""The lists that search.py measures: for each its query, its orders, and a value for each condition with an index.

People are in two shapes: one number that is in every second session, as a hotline's is, and ten numbers at once.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, combinations
from typing import Any, NamedTuple

from resolvers.arguments.cursors import cursor_of, fingerprint
from resolvers.arguments.orders import ORDERS, InteractionOrder, ParticipantOrder, SessionOrder
from store import interactions, participants, sessions
from store.engine.protocols import Archive, Readable
from store.interactions import InteractionFilter
from store.lists.filters import Filter, Period
from store.lists.orders import Position
from store.lists.relations import Relation
from store.participants import ParticipantFilter
from store.sessions import SessionFilter

HOTLINE = "+12025550100"
IS_THERE = "SELECT 1 FROM participant WHERE identifier = :hotline LIMIT 1"
ADD_HOTLINE = """
UPDATE participant SET identifier = :hotline WHERE sid IN (
  SELECT max(sid) FROM participant GROUP BY session_sid
  HAVING substr(session_sid, 34) IN ('0', '2', '4', '6', '8', 'a', 'c', 'e')
)
""".strip()
OTHERS = """
SELECT identifier FROM participant WHERE identifier <> :hotline GROUP BY identifier
ORDER BY count(*) DESC, identifier LIMIT 10
""".strip()
MIDDLE = """
SELECT date_created, sid FROM {table} ORDER BY date_created, sid LIMIT 1 OFFSET (SELECT count(*) / 2 FROM {table})
""".strip()
DATES = "SELECT min(date_created), max(date_created) FROM interaction"
ONE_INTERACTION = """
SELECT service_sid, session_sid, inbound_participant_sid, inbound_resource_sid FROM interaction
WHERE type = 'message' AND outbound_resource_status = 'sent' AND inbound_resource_status = 'received'
AND date_created > :since ORDER BY date_created, sid LIMIT 1
""".strip()
ONE_PARTICIPANT = """
SELECT service_sid, session_sid, friendly_name FROM participant WHERE identifier = :hotline ORDER BY sid LIMIT 1
""".strip()
PROXY_NUMBERS = "SELECT DISTINCT proxy_identifier FROM participant ORDER BY proxy_identifier LIMIT 10"


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


async def add_hotline(archive: Archive) -> None:
    """Gives HOTLINE to a participant of every second session, unless that was done before."""
    hotline = {"hotline": HOTLINE}
    if not list(await archive.fetch(IS_THERE, hotline)):
        async with archive.writer.transaction() as transaction:
            await transaction.execute(ADD_HOTLINE, hotline)


async def everything_asked(archive: Readable) -> list[Asked]:
    """Every set of conditions of every list, in every order; those with an identifier for each shape of people."""
    values, asked = await _values(archive), list[Asked]()
    ten = tuple(sorted([row[0] for row in await archive.fetch(OTHERS, {"hotline": HOTLINE})]))
    for measured in LISTS:
        (middle,) = await archive.fetch(MIDDLE.format(table=measured.relation.record.table))
        own = values[measured.field]
        for names in chain.from_iterable(combinations(own, length) for length in range(len(own) + 1)):
            label = " + ".join(map(camel_case, names)) if len(names) < 3 else f"any {len(names)} of them"
            chosen = {name: own[name] for name in names}
            asked += _in_every_order(measured, label or "none", chosen, Position(*middle))
            if "identifier" in names:
                label = f"ten identifiers, {len(names) - 1} other conditions"
                asked += _in_every_order(measured, label, chosen | {"identifier": ten}, Position(*middle))
    return asked


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


async def _values(archive: Readable) -> dict[str, dict[str, Any]]:
    """A value for each condition of each list, by which many rows are found."""
    ((first, last),) = await archive.fetch(DATES)
    period = Period(_later(first, 3), _later(last, -3))
    ((service, session, participant, resource),) = await archive.fetch(ONE_INTERACTION, {"since": period.since})
    ((its_service, its_session, name),) = await archive.fetch(ONE_PARTICIPANT, {"hotline": HOTLINE})
    ((unique_name,),) = await archive.fetch("SELECT unique_name FROM session WHERE sid = :sid", {"sid": session})
    proxy_numbers = [row[0] for row in await archive.fetch(PROXY_NUMBERS)]
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
            "proxy_identifier": tuple(proxy_numbers),
            "friendly_name": name,
            "removed": False,
            "identifier": (HOTLINE,),
        },
    }


def _later(moment: str, days: int) -> str:
    moved = datetime.fromisoformat(moment) + timedelta(days=days)
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
