"""The Service: a pool of proxy numbers and the Sessions that use them."""

from typing import ClassVar

from store.columns import (
    Instant,
    Integer,
    MaybeGeoMatchLevel,
    MaybeNumberSelectionBehavior,
    Record,
    Sid,
    Text,
)
from store.lists.relations import AccessPath, Indexes, IndexRange, Relation


class Service(Record, frozen=True, array_like=True, gc=False):
    """A row of ``service``: the 13 properties of Twilio's resource, without ``links``."""

    table: ClassVar[str] = "service"
    prefix: ClassVar[str] = "KS"
    noun: ClassVar[str] = "Service"

    account_sid: Sid
    unique_name: Text
    chat_instance_sid: Text
    callback_url: Text
    intercept_callback_url: Text
    out_of_session_callback_url: Text
    default_ttl: Integer
    geo_match_level: MaybeGeoMatchLevel
    number_selection_behavior: MaybeNumberSelectionBehavior
    date_updated: Instant
    url: Text
    extra: Text


INDEXES = Indexes(narrow=(), wide=(AccessPath(None, (IndexRange("service_by_date", "TRUE"),)),))
ALL = Relation("Query.services", Service, None, {}, INDEXES)
