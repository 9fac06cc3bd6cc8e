"""Filter arguments: the GraphQL input types, and their conversion to the store's filters.

A row must meet every condition. null, or a condition that is left out, doesn't filter; an empty list matches nothing.
"""

import re
from typing import Annotated, TypeAlias, TypeVar

import strawberry
from strawberry import UNSET

from resolvers.access import Access, Scope
from resolvers.arguments.omitted import DateTime, given
from resolvers.arguments.sids import but_got, sid_of
from resolvers.errors import BadInput
from store.columns import SID_DIGITS, Record
from store.enums import InteractionType, ResourceStatus, SessionMode, SessionStatus
from store.interactions import InteractionFilter
from store.lists.filters import Filter, Period, distinct
from store.participants import Participant, ParticipantFilter
from store.services import Service
from store.sessions import Session, SessionFilter

T = TypeVar("T")

LONGEST_TEXT = 256
MOST_VALUES = 50
"""How many identifiers a list may have."""
CONTENT = {"identifier": "identifier", "proxy_identifier": "proxyIdentifier", "body_contains": "bodyContains"}
"""The conditions on content, which need read:content, by name; the values are their GraphQL names."""
RESOURCE_SID = re.compile(f"[a-zA-Z]{{2}}{SID_DIGITS}")


def _condition(description: str, name: str | None = None) -> T:  # type: ignore[type-var]
    condition: T = strawberry.field(description=description, name=name, default=UNSET)
    return condition


_EXACT = (
    f"One value or a list of up to {MOST_VALUES}: telephone numbers in E.164, such as +12025550121, or channel "
    "addresses, such as messenger:123, exactly as Twilio has them. It needs a key with the scope read:content."
)


@strawberry.input(description="A half-open period: it includes its start and excludes its end. Either may be omitted.")
class DateRange:
    """Becomes a store.lists.filters.Period."""

    from_: DateTime | None = _condition("The start, inclusive; null for none.", "from")
    before: DateTime | None = _condition("The end, exclusive; null for none.")


@strawberry.input(
    name="InteractionFilter",
    description="Selects the Interactions that meet every condition. null doesn't filter; an empty list "
    "matches nothing.",
)
class InteractionFilterInput:
    """Becomes a store.interactions.InteractionFilter."""

    service_sid: strawberry.ID | None = _condition("Only those of this Service.")
    session_sid: strawberry.ID | None = _condition("Only those of this Session.")
    participant_sid: strawberry.ID | None = _condition("Only those with this Participant on either leg.")
    identifier: list[str] | None = _condition(
        f"Only those with a Participant with one of these identifiers on either leg, in any Session. {_EXACT}"
    )
    resource_sid: strawberry.ID | None = _condition(
        "Only the one with this Message (SM, MM) or Call (CA) on either leg."
    )
    type: list[InteractionType] | None = _condition("Only those of one of these types.")
    inbound_status: list[ResourceStatus] | None = _condition("Only those whose inbound leg has one of these statuses.")
    outbound_status: list[ResourceStatus] | None = _condition(
        "Only those whose outbound leg has one of these statuses."
    )
    date_created: DateRange | None = _condition("Only those that began in this period.")
    body_contains: str | None = _condition(
        f"Only messages whose text contains this, 1 to {LONGEST_TEXT} characters, ignoring the case of the letters A "
        "to Z; % and _ are ordinary characters. No index helps here: the search reads every text that the other "
        "conditions leave, and stops with an error if it takes too long. Narrow it by the other conditions. It needs a "
        "key with the scope read:content."
    )


@strawberry.input(
    name="SessionFilter",
    description="Selects the Sessions that meet every condition. null doesn't filter; an empty list matches nothing.",
)
class SessionFilterInput:
    """Becomes a store.sessions.SessionFilter."""

    unique_name: str | None = _condition("Only the one with exactly this uniqueName.")
    identifier: list[str] | None = _condition(
        f"Only those in which a Participant with one of these identifiers takes part, or took part. {_EXACT}"
    )
    status: list[SessionStatus] | None = _condition("Only those with one of these statuses.")
    mode: list[SessionMode] | None = _condition("Only those with one of these modes.")
    date_created: DateRange | None = _condition("Only those that were created in this period.")
    date_last_interaction: DateRange | None = _condition(
        "Only those whose participants last talked in this period; Sessions without interactions never match."
    )


@strawberry.input(
    name="ParticipantFilter",
    description="Selects the Participants that meet every condition. null doesn't filter; an empty list "
    "matches nothing.",
)
class ParticipantFilterInput:
    """Becomes a store.participants.ParticipantFilter."""

    service_sid: strawberry.ID | None = _condition("Only those of this Service.")
    session_sid: strawberry.ID | None = _condition("Only those of this Session.")
    identifier: list[str] | None = _condition(f"Only those with one of these identifiers. {_EXACT}")
    proxy_identifier: list[str] | None = _condition(f"Only those that use one of these proxy numbers. {_EXACT}")
    friendly_name: str | None = _condition("Only those with exactly this friendlyName.")
    removed: bool | None = _condition(
        "Only those that were removed from their Session (true), or only those that were not (false)."
    )


_DESCRIPTION = "Selects rows; by default all."
InteractionFilterArgument: TypeAlias = Annotated[
    InteractionFilterInput | None, strawberry.argument(description=_DESCRIPTION, name="filter")
]
ParticipantFilterArgument: TypeAlias = Annotated[
    ParticipantFilterInput | None, strawberry.argument(description=_DESCRIPTION, name="filter")
]
SessionFilterArgument: TypeAlias = Annotated[
    SessionFilterInput | None, strawberry.argument(description=_DESCRIPTION, name="filter")
]


def interaction_filter(argument: InteractionFilterInput | None) -> InteractionFilter | None:
    """The store's filter; None if there is no condition. Raises BadInput for a malformed value."""
    asked = given(argument)
    if asked is None:
        return None
    wanted = InteractionFilter(
        service_sid=_sid(Service, asked.service_sid),
        session_sid=_sid(Session, asked.session_sid),
        participant_sid=_sid(Participant, asked.participant_sid),
        identifier=_identifiers(given(asked.identifier), "identifier"),
        resource_sid=_resource_sid(given(asked.resource_sid)),
        type=distinct(given(asked.type)),
        inbound_status=distinct(given(asked.inbound_status)),
        outbound_status=distinct(given(asked.outbound_status)),
        date_created=_period(given(asked.date_created)),
        body_contains=_text(given(asked.body_contains)),
    )
    return wanted if wanted.active_names() else None


def demand_content(wanted: Filter | None, access: Access) -> None:
    """Raises Forbidden if the filter has a condition on content and the caller lacks read:content.

    To be called before a cursor is checked or anything is read, so that the error reveals nothing about the archive.
    """
    for name in content_conditions(wanted):
        access.demand(Scope.READ_CONTENT, CONTENT[name])


def content_conditions(wanted: Filter | None) -> list[str]:
    """The names of a filter's conditions on content."""
    return [name for name, _ in wanted.active() if name in CONTENT] if wanted is not None else []


def participant_filter(argument: ParticipantFilterInput | None) -> ParticipantFilter | None:
    """The store's filter; None if there is no condition. Raises BadInput for a malformed value."""
    asked = given(argument)
    if asked is None:
        return None
    wanted = ParticipantFilter(
        service_sid=_sid(Service, asked.service_sid),
        session_sid=_sid(Session, asked.session_sid),
        identifier=_identifiers(given(asked.identifier), "identifier"),
        proxy_identifier=_identifiers(given(asked.proxy_identifier), "proxyIdentifier"),
        friendly_name=given(asked.friendly_name),
        removed=given(asked.removed),
    )
    return wanted if wanted.active_names() else None


def session_filter(argument: SessionFilterInput | None) -> SessionFilter | None:
    """The store's filter; None if there is no condition."""
    asked = given(argument)
    if asked is None:
        return None
    wanted = SessionFilter(
        unique_name=given(asked.unique_name),
        identifier=_identifiers(given(asked.identifier), "identifier"),
        status=distinct(given(asked.status)),
        mode=distinct(given(asked.mode)),
        date_created=_period(given(asked.date_created)),
        date_last_interaction=_period(given(asked.date_last_interaction)),
    )
    return wanted if wanted.active_names() else None


def _sid(record_type: type[Record], argument: str | None) -> str | None:
    sid = given(argument)
    return None if sid is None else sid_of(record_type, sid)


def _resource_sid(sid: str | None) -> str | None:
    if sid is None or RESOURCE_SID.fullmatch(sid):
        return sid
    raise BadInput(f"Expected resourceSid to be a SID, two letters and 32 hexadecimal digits, {but_got(sid)}")


def _identifiers(identifiers: list[str] | None, name: str) -> tuple[str, ...] | None:
    if identifiers is None or len(identifiers) <= MOST_VALUES:
        return distinct(identifiers)
    raise BadInput(f"Expected {name} to be a list of up to {MOST_VALUES} texts, but got {len(identifiers)}.")


def _period(asked: DateRange | None) -> Period | None:
    if asked is None:
        return None
    period = Period(given(asked.from_), given(asked.before))
    return period if any(period) else None


def _text(text: str | None) -> str | None:
    if text is None or 1 <= len(text) <= LONGEST_TEXT:
        return text
    raise BadInput(f"Expected bodyContains to have 1 to {LONGEST_TEXT} characters, but got {len(text)}.")
