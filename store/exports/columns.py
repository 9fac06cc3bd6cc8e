"""The columns of an export: a row's values side by side, each with its name, its SQL and its type."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from store.columns import Record


class ValueType(StrEnum):
    """What a column's values are."""

    TEXT = "text"
    INTEGER = "integer"
    INSTANT = "instant"
    ENUM = "enum"


class Shown(NamedTuple):
    """The names that an enum's words are shown by; ``other`` is for words that are not among them."""

    names: Mapping[str, str]
    other: str


class ExportColumn(NamedTuple):
    """A column: its name, the SQL of its value, its type, and for an enum the names of its values."""

    name: str
    sql: str
    value_type: ValueType
    shown: Shown | None = None

    @property
    def value(self) -> str:
        """The SQL of the value as it is shown: of an enum, its name."""
        if self.shown is None:
            return self.sql
        cases = " ".join(f"WHEN '{word}' THEN '{name}'" for word, name in self.shown.names.items())
        return f"CASE {self.sql} {cases} ELSE iif({self.sql} IS NULL, NULL, '{self.shown.other}') END"


class Reference(NamedTuple):
    """A row that the exported row refers to by its ``column``, joined as ``alias``; all null if there is none."""

    record: type[Record]
    alias: str
    column: str
