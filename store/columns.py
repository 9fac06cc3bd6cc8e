"""Column types. One annotation says how a property is parsed, stored and typed.

A record's fields *are* its table's columns, in order, named as Twilio names its JSON properties.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from store import enums

SID_DIGITS = "[0-9a-fA-F]{32}"
"""A pattern of what follows a SID's two letters."""
INT32 = range(-(2**31), 2**31)
"""What an integer column keeps, since GraphQL's Int has no more (https://spec.graphql.org/draft/#sec-Int)."""


class Kind(StrEnum):
    """How a property of a REST body becomes a column. ``OWN`` columns are Proxygraph's, not Twilio's."""

    SID = "sid"
    TEXT = "text"
    INTEGER = "integer"
    INSTANT = "instant"
    WORD = "word"
    OWN = "own"


class Word(NamedTuple):
    """A property whose value is a member of one of Twilio's enumerations."""

    words: type[StrEnum]


Sid = Annotated[str, Kind.SID]
Text = Annotated[str | None, Kind.TEXT]
Integer = Annotated[int | None, Kind.INTEGER]
Instant = Annotated[str, Kind.INSTANT]
MaybeInstant = Annotated[str | None, Kind.INSTANT]
OwnText = Annotated[str | None, Kind.OWN]
OwnInteger = Annotated[int | None, Kind.OWN]

MaybeGeoMatchLevel = Annotated[str | None, Word(enums.GeoMatchLevel)]
MaybeNumberSelectionBehavior = Annotated[str | None, Word(enums.NumberSelectionBehavior)]
MaybeSessionStatus = Annotated[str | None, Word(enums.SessionStatus)]
MaybeSessionMode = Annotated[str | None, Word(enums.SessionMode)]
InteractionType = Annotated[str, Word(enums.InteractionType)]
MaybeResourceStatus = Annotated[str | None, Word(enums.ResourceStatus)]
MaybeResourceType = Annotated[str | None, Word(enums.ResourceType)]


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row: frozen, slotted, and decoded directly from SQLite's JSON array of its columns."""

    table: ClassVar[str]
    prefix: ClassVar[str]
    noun: ClassVar[str]
    embedded: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Properties that group columns: ``name`` is an object of the columns ``name_…``, or None if all are null."""

    plain: ClassVar[tuple[str, ...]] = ()
    """The columns that need no JSON escaping if the row's ``plain`` is set (store/sqlite/json_safe.py)."""

    sid: Sid
    date_created: Instant


class Column(NamedTuple):
    """A column: its name, kind, possible words, and whether it may be null."""

    name: str
    kind: Kind
    words: type[StrEnum] | None
    nullable: bool


def columns(record: type[Record]) -> tuple[Column, ...]:
    """The columns of ``record``'s table, in order, read from its annotations."""
    hints = get_type_hints(record, include_extras=True)
    return tuple(_column(name, hints[name]) for name in record.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"Column {name} needs one of the kinds of store/columns.py, but got {hint!r}.")
    python_type, mark = get_args(hint)
    nullable = type(None) in get_args(python_type)
    if isinstance(mark, Word):
        return Column(name, Kind.WORD, mark.words, nullable)
    return Column(name, mark, None, nullable)
