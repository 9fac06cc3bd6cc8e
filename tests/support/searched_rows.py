"""Made-up rows with many different statuses, dates and people, filters, and which rows match a filter."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations, product
from random import Random
from typing import Any

import bodies
from store import interactions, participants, sessions
from store.columns import Record
from store.engine.protocols import Archive
from store.interactions import Interaction, InteractionFilter
from store.lists.filters import Filter, Period
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import Relation
from store.participants import Participant, ParticipantFilter
from store.queries.pages import Page
from store.sessions import Session, SessionFilter

DAY = 1_440
SERVICES, SESSIONS, INTERACTIONS = 3, 12, 400
PARTICIPANTS = 60
PEOPLE = ("+12025550101", "+12025550102", "messenger:7", None)
TYPES = ("message", "voice", "fax")
STATUSES = (None, "received", "delivered", "failed", "odd")
LATER = (-60, 0, 0, 0, 1, 90, DAY + 5, 8 * DAY, 40 * DAY, 400 * DAY)
"""Minutes from creation to last change, so that each lag occurs."""


def moment(minutes: int) -> str:
    return f"20{26 + minutes // (336 * DAY):02d}{bodies.time(minutes % (336 * DAY))[4:]}"


def some_sessions(pick: Random) -> Iterator[bodies.Body]:
    for number in range(1, SESSIONS + 1):
        yield bodies.session(
            number,
            of=1 + number % SERVICES,
            unique_name=f"session-{number % 5}",
            status=pick.choice(("open", "closed", "odd", None)),
            mode=pick.choice(("voice-only", "message-only", None)),
            date_created=moment(DAY * pick.randint(2, 6)),
            date_updated=moment(DAY * pick.randint(2, 9)),
            date_last_interaction=pick.choice((None, moment(DAY * pick.randint(3, 9)))),
        )


def some_participants(pick: Random) -> Iterator[bodies.Body]:
    """Some share an identifier, even in one Session, and some have none; the first four take part in Interactions."""
    for number in range(1, PARTICIPANTS + 1):
        session = 1 + number % SESSIONS
        added = DAY * pick.randint(2, 6)
        yield bodies.participant(
            number,
            of=session,
            service_sid=bodies.sid("KS", 1 + session % SERVICES),
            identifier=(PEOPLE[0], PEOPLE[1], PEOPLE[0], None)[number - 1] if number < 5 else pick.choice(PEOPLE),
            proxy_identifier=pick.choice(("+15005550001", "+15005550002", None)),
            friendly_name=pick.choice(("Rider", "Driver", "", None)),
            date_created=moment(added),
            date_updated=moment(added + pick.choice(LATER)),
            date_deleted=pick.choice((None, moment(8 * DAY))),
        )


def some_interactions(pick: Random, first: int = 1, count: int = INTERACTIONS) -> Iterator[bodies.Body]:
    people = [None, *(bodies.sid("KP", number) for number in range(1, 5))]
    for number in range(first, first + count):
        created = pick.randint(2 * DAY, 6 * DAY) // 30 * 30
        session = pick.randint(1, SESSIONS)
        yield bodies.interaction(
            number,
            of=session,
            service_sid=bodies.sid("KS", 1 + session % SERVICES),
            type=pick.choice(TYPES),
            data=f'{{"body": "{pick.choice(("50% off", "fifty", "Under_score", "ÄÖ", "plain"))} {number}"}}',
            inbound_participant_sid=pick.choice(people),
            outbound_participant_sid=pick.choice(people),
            inbound_resource_status=pick.choice(STATUSES),
            outbound_resource_status=pick.choice(STATUSES),
            date_created=moment(created),
            date_updated=moment(created + pick.choice(LATER)),
        )


def some_rows(pick: Random) -> Iterator[bodies.Body]:
    """Some Participants come before their Interactions, and some after them."""
    people = list(some_participants(pick))
    yield from (bodies.service(number) for number in range(1, SERVICES + 2))
    yield from some_sessions(pick)
    yield from people[::2]
    yield from some_interactions(pick)
    yield from people[1::2]


PERIOD = Period(bodies.time(3 * DAY)[:-1] + ".000Z", bodies.time(4 * DAY)[:-1] + ".000Z")
IDENTIFIERS = [
    (PEOPLE[0],),
    (PEOPLE[1],),
    ("+19995550100",),
    ("+12025550101", "+19995550100", "messenger:7"),
    ("+12025550101", "+12025550102"),
    (),
]
INTERACTION_VALUES: dict[str, list[Any]] = {
    "service_sid": [bodies.sid("KS", 2), bodies.sid("KS", 9)],
    "session_sid": [bodies.sid("KC", 3)],
    "identifier": IDENTIFIERS,
    "participant_sid": [bodies.sid("KP", 1), bodies.sid("KP", 2)],
    "resource_sid": [bodies.sid("SM", 7), bodies.sid("MM", 8)],
    "type": [("voice",), ("message", "unknown"), ()],
    "inbound_status": [("received",), ("delivered", "failed", "unknown")],
    "outbound_status": [("failed",), ("received", "delivered"), ()],
    "date_created": [PERIOD, Period(PERIOD.since, None), Period(None, PERIOD.before)],
    "body_contains": ["0%", "r_S", "PLAIN", "äö", "ÄÖ"],
}
SESSION_VALUES: dict[str, list[Any]] = {
    "unique_name": ["session-2"],
    "identifier": IDENTIFIERS,
    "status": [("open",), ("closed", "unknown"), ()],
    "mode": [("voice-only",), ("message-only", "voice-only")],
    "date_created": [PERIOD, Period(None, PERIOD.before)],
    "date_last_interaction": [PERIOD, Period(PERIOD.since, None), Period(None, PERIOD.before)],
}
PARTICIPANT_VALUES: dict[str, list[Any]] = {
    "service_sid": [bodies.sid("KS", 2), bodies.sid("KS", 9)],
    "session_sid": [bodies.sid("KC", 3)],
    "identifier": IDENTIFIERS,
    "proxy_identifier": [("+15005550001",), ("+15005550001", "+15005550002"), ("none",), ()],
    "friendly_name": ["Rider", "", "rider"],
    "removed": [True, False],
}
VALUES: dict[type[Record], tuple[type[Filter], dict[str, list[Any]]]] = {
    Session: (SessionFilter, SESSION_VALUES),
    Participant: (ParticipantFilter, PARTICIPANT_VALUES),
    Interaction: (InteractionFilter, INTERACTION_VALUES),
}
MEETS: dict[str, Callable[[Any, Any], bool]] = {
    "participant_sid": lambda row, sid: sid in (row.inbound_participant_sid, row.outbound_participant_sid),
    "resource_sid": lambda row, sid: sid in (row.inbound_resource_sid, row.outbound_resource_sid),
    "inbound_status": lambda row, words: row.inbound_resource_status in words,
    "outbound_status": lambda row, words: row.outbound_resource_status in words,
    "removed": lambda row, removed: (row.date_deleted is not None) == removed,
    "body_contains": lambda row, text: row.body is not None and lowered(text) in lowered(row.body),
}


def lowered(text: str) -> str:
    """Lower-cases only A to Z, as SQLite does."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


class Rows:
    """All rows of an archive, and which of them meet a condition, by checking each row."""

    def __init__(self, everything: dict[type[Record], Sequence[Any]]) -> None:
        self.of = everything
        self._identifiers = {row.sid: row.identifier for row in everything[Participant]}
        self._in_sessions: dict[str, set[str | None]] = {}
        for row in everything[Participant]:
            self._in_sessions.setdefault(row.session_sid, set()).add(row.identifier)

    def meets(self, row: Any, name: str, value: Any) -> bool:
        """Whether ``row`` meets the condition ``name``."""
        if name == "identifier" and not isinstance(row, Participant):
            return not self._took_part(row).isdisjoint(value)
        if name in MEETS:
            return MEETS[name](row, value)
        held = getattr(row, name)
        if isinstance(value, Period):
            return held is not None and (value.since or "") <= held < (value.before or "~")
        return held in value if isinstance(value, tuple) else bool(held == value)

    def _took_part(self, row: Any) -> set[str | None]:
        if isinstance(row, Session):
            return self._in_sessions.get(row.sid, set())
        legs = (row.inbound_participant_sid, row.outbound_participant_sid)
        return {self._identifiers.get(sid) for sid in legs}


async def rows_of(archive: Archive) -> Rows:
    """All rows of ``archive``."""
    everything: dict[type[Record], Sequence[Any]] = {}
    for relation in (sessions.ALL, participants.ALL, interactions.ALL):
        page: Page[Any] = Page(relation)
        (everything[relation.record],) = await archive.reader().read(page, [None])
    return Rows(everything)


INTERACTION_RELATIONS = (
    interactions.ALL,
    interactions.OF_SERVICE,
    interactions.OF_SESSION,
    interactions.OF_PARTICIPANT,
)
SESSION_RELATIONS = (sessions.ALL, sessions.OF_SERVICE)
PARTICIPANT_RELATIONS = (participants.ALL, participants.OF_SERVICE, participants.CONNECTED_OF_SESSION)
INTERACTION_ORDERS = (BY_DATE_CREATED, interactions.BY_DATE_UPDATED)
SESSION_ORDERS = (BY_DATE_CREATED, sessions.BY_DATE_UPDATED, sessions.BY_DATE_LAST_INTERACTION)
LISTS: list[tuple[Relation[Any], Order]] = [
    *product(INTERACTION_RELATIONS, INTERACTION_ORDERS),
    *product(SESSION_RELATIONS, SESSION_ORDERS),
    *product(PARTICIPANT_RELATIONS, (BY_DATE_CREATED, participants.BY_DATE_UPDATED)),
]
PREFIX = {"service_sid": "KS", "session_sid": "KC", "participant_sid": "KP"}


def some_filters(relation: Relation[Any], pick: Random, count: int) -> Iterator[Filter]:
    """Filters of up to three conditions."""
    filter_type, values = VALUES[relation.record]
    for _ in range(count):
        names = pick.sample(sorted(values), pick.randint(0, 3))
        yield filter_type(**{name: pick.choice(values[name]) for name in names})


def every_filter(record: type[Record]) -> Iterator[Filter]:
    """One filter for each set of conditions that indexes serve."""
    filter_type, values = VALUES[record]
    names = [name for name in values if name not in filter_type.long]
    for chosen in chain.from_iterable(combinations(names, length) for length in range(len(names) + 1)):
        yield filter_type(**{name: values[name][0] for name in chosen})
