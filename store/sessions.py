"""The Session: one conversation between two masked participants."""

from typing import ClassVar

from store.columns import (
    Instant,
    Integer,
    MaybeInstant,
    MaybeSessionMode,
    MaybeSessionStatus,
    OwnText,
    Record,
    Sid,
    Text,
)
from store.engine.sql import Sql, Statement
from store.lists.facets import FacetTable
from store.lists.filters import PERSONS, Filter, Period, any_of, equal, of_persons, within
from store.lists.orders import Order
from store.lists.relations import AccessPath, Indexes, IndexRange, Relation, ValueColumn, ValuePath


class Session(Record, frozen=True, array_like=True, gc=False):
    """A row of ``session``: Twilio's properties; ``archived_at`` and ``kept_at`` are Proxygraph's own."""

    table: ClassVar[str] = "session"
    prefix: ClassVar[str] = "KC"
    noun: ClassVar[str] = "Session"

    service_sid: Sid
    account_sid: Sid
    unique_name: Text
    status: MaybeSessionStatus
    closed_reason: Text
    mode: MaybeSessionMode
    ttl: Integer
    date_started: MaybeInstant
    date_ended: MaybeInstant
    date_last_interaction: MaybeInstant
    date_expiry: MaybeInstant
    date_updated: Instant
    url: Text
    archived_at: OwnText
    extra: Text
    kept_at: OwnText


class SessionFilter(Filter, frozen=True, kw_only=True):
    """The conditions that a Session must meet; None doesn't filter."""

    conditions: ClassVar[dict[str, Sql]] = {
        "service_sid": equal("service_sid"),
        "unique_name": equal("unique_name"),
        "identifier": Statement(  # OFFSET keeps PostgreSQL from reading all of session_person once, into a hash table.
            lambda dialect: (
                "EXISTS (SELECT 1 FROM session_person WHERE session_person.sid = session.sid AND "
                f"{of_persons('session_person.person').text(dialect)} LIMIT 1 OFFSET 0)"
            )
        ),
        "status": any_of("status"),
        "mode": any_of("mode"),
        "date_created": within("date_created"),
        "date_last_interaction": within("date_last_interaction"),
    }

    unique_name: str | None = None
    identifier: tuple[str, ...] | None = None
    status: tuple[str, ...] | None = None
    mode: tuple[str, ...] | None = None
    date_created: Period | None = None
    date_last_interaction: Period | None = None


FACETS = FacetTable(
    "session_kind",
    {"service_sid": "service_sid", "status": "coalesce(status, '')", "mode": "coalesce(mode, '')"},
    frozenset({"service_sid", "status", "mode"}),
    {
        "date_created": "session_by_kind",
        "date_updated": "session_by_kind_updated",
        "date_last_interaction": "session_by_kind_last_interaction",
    },
)
BY_PERSON = ValuePath(
    "identifier",
    PERSONS,
    "session_person",
    (
        ValueColumn(
            "person",
            {
                "date_created": "session_person_by_kind",
                "date_updated": "session_person_by_kind_updated",
                "date_last_interaction": "session_person_by_kind_last_interaction",
            },
        ),
    ),
    repeats=Statement(lambda dialect: f"(SELECT count(*) FROM ({PERSONS.text(dialect)}) AS persons)"),
)
INDEXES = Indexes(
    narrow=(AccessPath("unique_name", (IndexRange("session_by_unique_name", equal("unique_name")),), is_sorted=False),),
    wide=(
        AccessPath("service_sid", (IndexRange("session_by_service", equal("service_sid")),)),
        AccessPath(None, (IndexRange("session_by_date", "TRUE"),)),
    ),
    facets=FACETS,
    by_values=(BY_PERSON,),
)

ALL = Relation("Query.sessions", Session, None, SessionFilter.conditions, INDEXES)
OF_SERVICE = Relation("Service.sessions", Session, "service_sid", SessionFilter.conditions, INDEXES)

BY_DATE_UPDATED = Order("date_updated")
BY_DATE_LAST_INTERACTION = Order("date_last_interaction", nullable=True)
