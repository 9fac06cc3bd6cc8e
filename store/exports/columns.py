"""The columns of an export: the values of a row without nesting, each with its name, SQL and type."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from store.columns import Record


class ValueType(StrEnum):
    """The type of a column's values."""

    TEXT = "text"
    INTEGER = "integer"
    INSTANT = "instant"
    ENUM = "enum"


class Shown(NamedTuple):
    """The exported names of an enum's stored values; ``other`` is the name for all further values."""

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
        """The SQL of the exported value: for an enum, its name."""
        if self.shown is None:
            return self.sql
        cases = " ".join(f"WHEN '{word}' THEN '{name}'" for word, name in self.shown.names.items())
        return f"CASE {self.sql} {cases} ELSE CASE WHEN {self.sql} IS NOT NULL THEN '{self.shown.other}' END END"


class Reference(NamedTuple):
    """A row that the exported row refers to by ``column``, joined as ``alias``; its values are null if missing."""

    record: type[Record]
    alias: str
    column: str
