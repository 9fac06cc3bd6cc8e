"""Column types: the annotation of a record's field says how the property is parsed, stored and typed.

A record's fields are its table's columns, in the same order, with the names of Twilio's JSON properties.
"""

from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from store import enums

SID_DIGITS = "[0-9a-fA-F]{32}"
"""The pattern of a SID after its two letters."""
REPLACEMENT = "\ufffd"
"""The character that is stored in place of one that can't be."""
INT32 = range(-(2**31), 2**31)
"""The range of integer columns, which is that of GraphQL's Int (https://spec.graphql.org/draft/#sec-Int)."""


class ColumnType(StrEnum):
    """How a property of a REST body becomes a column. ``OWN`` columns are Proxygraph's, not Twilio's."""

    SID = "sid"
    TEXT = "text"
    INTEGER = "integer"
    INSTANT = "instant"
    ENUM = "enum"
    OWN = "own"


class EnumType(NamedTuple):
    """Marks a property whose value is a member of one of Twilio's enumerations."""

    enum: type[StrEnum]


Sid = Annotated[str, ColumnType.SID]
Text = Annotated[str | None, ColumnType.TEXT]
Integer = Annotated[int | None, ColumnType.INTEGER]
Instant = Annotated[str, ColumnType.INSTANT]
MaybeInstant = Annotated[str | None, ColumnType.INSTANT]
OwnText = Annotated[str | None, ColumnType.OWN]
OwnInteger = Annotated[int | None, ColumnType.OWN]

MaybeGeoMatchLevel = Annotated[str | None, EnumType(enums.GeoMatchLevel)]
MaybeNumberSelectionBehavior = Annotated[str | None, EnumType(enums.NumberSelectionBehavior)]
MaybeSessionStatus = Annotated[str | None, EnumType(enums.SessionStatus)]
MaybeSessionMode = Annotated[str | None, EnumType(enums.SessionMode)]
InteractionType = Annotated[str, EnumType(enums.InteractionType)]
MaybeResourceStatus = Annotated[str | None, EnumType(enums.ResourceStatus)]
MaybeResourceType = Annotated[str | None, EnumType(enums.ResourceType)]


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row: frozen, slotted, and decoded directly from SQLite's JSON array of its columns."""

    table: ClassVar[str]
    prefix: ClassVar[str]
    noun: ClassVar[str]
    embedded: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Attributes that group columns: ``name`` is an object of the columns ``name_…``, or None if all are null."""

    personal: ClassVar[tuple[str, ...]] = ()
    """The columns that name a person. An erased row keeps its SID and loses these (store/erasure/participants.py)."""

    plain: ClassVar[tuple[str, ...]] = ()
    """The columns that are set and need no JSON escaping in a plain row: the table's column ``plain`` says which are.

    Nearly every row is plain, since SIDs, dates, URLs and words have nothing to escape. An engine writes such a row in
    two thirds of the time that escaping takes.
    """

    sid: Sid
    date_created: Instant


R = TypeVar("R", bound=Record)


class Column(NamedTuple):
    """A column: its name, type, enumeration (if it has one), and whether it may be null."""

    name: str
    column_type: ColumnType
    enum: type[StrEnum] | None
    nullable: bool


def storable(text: str) -> str:
    """``text`` with U+FFFD for what a column can't hold: lone surrogates, which UTF-8 lacks, and NUL.

    PostgreSQL refuses NUL (https://www.postgresql.org/docs/current/datatype-character.html), and SQLite's functions end
    a text there, so no engine stores it.
    """
    text = text.replace("\0", REPLACEMENT)
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable_record(record: R) -> R:
    """``record`` with all its texts ``storable``: one that was read from an older archive may have a NUL."""
    values = (storable(value) if isinstance(value, str) else value for value in msgspec.structs.astuple(record))
    return type(record)(*values)


@cache
def columns(record: type[Record]) -> tuple[Column, ...]:
    """The columns of ``record``'s table, in order, read from its annotations."""
    hints = get_type_hints(record, include_extras=True)
    return tuple(_column(name, hints[name]) for name in record.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"Column {name} needs one of the types of store/columns.py, but got {hint!r}.")
    python_type, mark = get_args(hint)
    nullable = type(None) in get_args(python_type)
    if isinstance(mark, EnumType):
        return Column(name, ColumnType.ENUM, mark.enum, nullable)
    return Column(name, mark, None, nullable)
