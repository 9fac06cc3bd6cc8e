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

RECORDS: dict[str, type[Record]] = {
    record_type.prefix: record_type for record_type in (Service, Session, Participant, Interaction)
}
PATTERN = re.compile(f"([A-Z]{{2}}){SID_DIGITS}")


def _argument(noun: str, prefix: str) -> object:
    return strawberry.argument(description=f"The {noun}'s SID: {prefix} and 32 hexadecimal digits.")


ServiceSid: TypeAlias = Annotated[strawberry.ID, _argument("Service", "KS")]
SessionSid: TypeAlias = Annotated[strawberry.ID, _argument("Session", "KC")]
ParticipantSid: TypeAlias = Annotated[strawberry.ID, _argument("Participant", "KP")]
InteractionSid: TypeAlias = Annotated[strawberry.ID, _argument("Interaction", "KI")]


def sid_of(record_type: type[Record], given: str) -> str:
    """``given``, if it is well-formed as a SID of ``record_type``; else raises BadInput."""
    if record_type_of(given) is not record_type:
        form = f"{record_type.prefix} and 32 hexadecimal digits"
        raise BadInput(f"Expected the SID of one {record_type.noun}, {form}, {but_got(given)}")
    return given


def pattern_of(record_type: type[Record]) -> "re.Pattern[str]":
    """The pattern of the SIDs of ``record_type``."""
    return re.compile(record_type.prefix + SID_DIGITS)


def record_type_of(given: str) -> type[Record] | None:
    """The record type that the prefix of the SID ``given`` names; None if it is malformed or unknown."""
    matched = PATTERN.fullmatch(given)
    return RECORDS.get(matched[1]) if matched else None


def but_got(given: str) -> str:
    """The end of an error message: quotes what the client sent, shortened to 40 characters."""
    return f"but got {given[:40]!r}{' …' if len(given) > 40 else ''}."
