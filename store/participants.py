"""The Participant: one side of a Session; the other side sees only its proxy number."""

from typing import ClassVar

from store.columns import Instant, MaybeInstant, Record, Sid, Text
from store.engine.sql import Sql, Statement
from store.lists.facets import FacetTable
from store.lists.filters import Filter, any_of, equal
from store.lists.orders import Order
from store.lists.relations import AccessPath, Indexes, IndexRange, Relation, ValueColumn, ValuePath


class Participant(Record, frozen=True, array_like=True, gc=False):
    """A row of ``participant``: Twilio's properties; ``date_deleted`` is set if the Participant was removed."""

    table: ClassVar[str] = "participant"
    prefix: ClassVar[str] = "KP"
    noun: ClassVar[str] = "Participant"
    personal: ClassVar[tuple[str, ...]] = (
        *("friendly_name", "identifier", "proxy_identifier", "proxy_identifier_sid", "extra"),
    )

    session_sid: Sid
    service_sid: Sid
    account_sid: Sid
    friendly_name: Text
    identifier: Text
    proxy_identifier: Text
    proxy_identifier_sid: Text
    date_deleted: MaybeInstant
    date_updated: Instant
    url: Text
    extra: Text


class ParticipantFilter(Filter, frozen=True, kw_only=True):
    """The conditions that a Participant must meet; None doesn't filter."""

    conditions: ClassVar[dict[str, Sql]] = {
        "service_sid": equal("service_sid"),
        "session_sid": equal("session_sid"),
        "identifier": any_of("identifier"),
        "proxy_identifier": any_of("proxy_identifier"),
        "friendly_name": equal("friendly_name"),
        "removed": "(coalesce(date_deleted, '') > '') = {value}",
    }

    service_sid: str | None = None
    session_sid: str | None = None
    identifier: tuple[str, ...] | None = None
    proxy_identifier: tuple[str, ...] | None = None
    friendly_name: str | None = None
    removed: bool | None = None


FACETS = FacetTable(
    "participant_kind",
    {"service_sid": "service_sid", "date_deleted": "CASE WHEN date_deleted IS NULL THEN '' ELSE 'removed' END"},
    frozenset({"service_sid", "removed"}),
    {"date_created": "participant_by_kind", "date_updated": "participant_by_kind_updated"},
)


def _by(column: str, values: Sql) -> ValuePath:
    index = f"participant_by_{column}"
    by_order = {"date_created": index, "date_updated": f"{index}_updated"}
    return ValuePath(column, values, "participant", (ValueColumn(column, by_order),))


GIVEN_VALUES = Statement(lambda dialect: dialect.values("{value}"))
INDEXES = Indexes(
    narrow=(AccessPath("session_sid", (IndexRange("participant_by_session", equal("session_sid")),)),),
    wide=(),
    facets=FACETS,
    by_values=(
        _by("identifier", GIVEN_VALUES),
        _by("proxy_identifier", GIVEN_VALUES),
        _by("friendly_name", "SELECT {value} AS value"),
    ),
)


def _relation(name: str, parent: str | None) -> Relation[Participant]:
    return Relation(name, Participant, parent, ParticipantFilter.conditions, INDEXES)


ALL = _relation("Query.participants", None)
OF_SERVICE = _relation("Service.participants", "service_sid")
OF_SESSION = _relation("Session.participants", "session_sid")
CONNECTED_OF_SESSION = _relation("Session.participantsConnection", "session_sid")

BY_DATE_UPDATED = Order("date_updated")
