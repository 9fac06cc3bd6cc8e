"""Rows as JSON: what a plan wants written of each row. Each engine writes its own SQL of it.

A member that another query supplies (the row's children, or a row that it refers to) is a Placeholder: the row's text
is split there, and the caller fills it by the key that comes with the row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar

from store.columns import Record

T = TypeVar("T")


class ColumnValue(NamedTuple):
    """A member with a column's value: a text, a number or null."""

    name: str
    column: str


class EnumValue(NamedTuple):
    """A member with an enum's value: ``shown`` maps a column's word to its name; ``other`` is for other words."""

    name: str
    column: str
    shown: Mapping[str, str]
    other: str


class Constant(NamedTuple):
    """A member that is the same in every row; ``json`` is its text."""

    name: str
    json: str


class Placeholder(NamedTuple):
    """A member that another query supplies, keyed by ``column``; null if that is null or empty."""

    name: str
    column: str


class Group(NamedTuple):
    """A member that is an object of columns; null if all columns in ``present`` are null or empty."""

    name: str
    members: "Sequence[Member]"
    present: Sequence[str]


Member: TypeAlias = ColumnValue | EnumValue | Constant | Placeholder | Group


class JsonObject(NamedTuple):
    """A JSON object with these members, in order; the ``plain`` columns need no escaping in a plain row."""

    members: Sequence[Member]
    plain: Sequence[str] = ()


class FixedText(NamedTuple):
    """A text that is the same in every row."""

    text: str


class Fingerprint(NamedTuple):
    """The fingerprint of the row's connection."""


class SortKey(NamedTuple):
    """The row's sort key in the order of its list."""


class Sid(NamedTuple):
    """The row's SID."""


Part: TypeAlias = FixedText | Fingerprint | SortKey | Sid | JsonObject

POSITION: tuple[Part, ...] = (SortKey(), FixedText("."), Sid())
"""The end of a row's cursor: its sort key and SID."""
CURSOR: tuple[Part, ...] = (FixedText('"'), Fingerprint(), FixedText("."), *POSITION, FixedText('"'))
"""A row's cursor."""


class WrittenOnce:
    """A part of a statement that each engine writes as SQL once."""

    __slots__ = ("_by_writer",)

    def __init__(self) -> None:
        self._by_writer: dict[Any, Any] = {}

    def by(self, write: "Callable[[Self], T]") -> T:
        """Its SQL, by the engine's function ``write``, which is called once."""
        found: T | None = self._by_writer.get(write)
        if found is None:
            found = self._by_writer[write] = write(self)
        return found


class RowText(WrittenOnce):
    """The text of each row: its ``parts``, one after another.

    ``row_prefix`` is the constant start of each edge, up to the fingerprint in its cursor. The rows don't repeat it: it
    is added when a page is joined. ``has_cursor`` says whether the row has a cursor, in the prefix or elsewhere.
    """

    __slots__ = ("has_cursor", "parts", "placeholders", "row_prefix")

    def __init__(self, *parts: Part, row_prefix: str = "") -> None:
        super().__init__()
        self.parts, self.row_prefix = parts, row_prefix
        self.has_cursor = bool(row_prefix) or any(isinstance(part, Fingerprint) for part in parts)
        objects = [part for part in parts if isinstance(part, JsonObject)]
        self.placeholders = sum(1 for part in objects for _ in _placeholders(part.members))

    def row_prefix_of(self, fingerprint: str) -> str:
        """The row prefix in the connection with this fingerprint."""
        return f"{self.row_prefix}{fingerprint}." if self.row_prefix else ""

    @property
    def width(self) -> int:
        """The number of its columns: a piece of text before, between and after the placeholders, and their keys."""
        return 2 * self.placeholders + 1


class RowsBySid(WrittenOnce):
    """The rows of a record by their SIDs, written as ``row``; with ``also``, a column that is read beside the text."""

    __slots__ = ("also", "record", "row")

    def __init__(self, record: type[Record], row: RowText, also: str | None = None) -> None:
        super().__init__()
        self.record, self.row, self.also = record, row, also


def _placeholders(members: Sequence[Member]) -> Iterator[Placeholder]:
    for member in members:
        if isinstance(member, Placeholder):
            yield member
        elif isinstance(member, Group):
            yield from _placeholders(member.members)
