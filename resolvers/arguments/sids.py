"""SIDs as arguments: two letters that name the resource, and 32 hexadecimal digits."""

import re
from typing import Annotated, TypeAlias

import strawberry

from resolvers.errors import BadInput
from store.columns import SID_DIGITS, Record
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session

RECORDS: dict[str, type[Record]] = {kind.prefix: kind for kind in (Service, Session, Participant, Interaction)}
PATTERN = re.compile(f"([A-Z]{{2}}){SID_DIGITS}")


def _argument(noun: str, prefix: str) -> object:
    return strawberry.argument(description=f"The {noun}'s SID: {prefix} and 32 hexadecimal digits.")


ServiceSid: TypeAlias = Annotated[strawberry.ID, _argument("Service", "KS")]
SessionSid: TypeAlias = Annotated[strawberry.ID, _argument("Session", "KC")]
ParticipantSid: TypeAlias = Annotated[strawberry.ID, _argument("Participant", "KP")]
InteractionSid: TypeAlias = Annotated[strawberry.ID, _argument("Interaction", "KI")]


def sid_of(kind: type[Record], given: str) -> str:
    """``given``, if it has the form of a SID of ``kind``; else raises BadInput."""
    if record_of(given) is not kind:
        raise BadInput(f"Expected the SID of one {kind.noun}, {kind.prefix} and 32 hexadecimal digits, {but(given)}")
    return given


def pattern_of(kind: type[Record]) -> "re.Pattern[str]":
    """The pattern of the SIDs of ``kind``."""
    return re.compile(kind.prefix + SID_DIGITS)


def record_of(given: str) -> type[Record] | None:
    """The type of record that the SID ``given`` has the prefix of; None if it is malformed or has another prefix."""
    matched = PATTERN.fullmatch(given)
    return RECORDS.get(matched[1]) if matched else None


def but(given: str) -> str:
    """The end of an error that quotes what was given, shortened to 40 characters."""
    return f"but got {given[:40]!r}{' …' if len(given) > 40 else ''}."
