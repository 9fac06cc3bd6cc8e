"""A relation: the rows that a connection lists, how they belong to their parent, and the indexes that serve them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from store.columns import Record
from store.lists.facets import FacetTable

R = TypeVar("R", bound=Record)


class IndexRange(NamedTuple):
    """A range of the index ``index_name``: the rows that meet ``condition``, over ``{value}``."""

    index_name: str
    condition: str


class AccessPath(NamedTuple):
    """How the rows with one value of ``attribute`` are found; with None, all rows.

    Its ranges don't overlap. Each index continues with (date_created, sid), or leads to few rows, which SQLite sorts.
    """

    attribute: str | None
    ranges: tuple[IndexRange, ...]


class ValueColumn(NamedTuple):
    """A ``column`` with the values that are looked for, and its indexes by the order's column.

    Each index continues with the facet combination, the order's key and the SID. ``counted`` is a condition, over
    ``{values}``, that counts a row once that several columns of the path lead to; "" where no other column does.
    """

    column: str
    indexes: Mapping[str, str]
    counted: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ValuePath:
    """How the rows are found in which a column is one of several values, each of which may be in very many rows.

    ``values`` is the SELECT of these values, over ``{value}``, which the condition ``attribute`` binds; no value is
    null. ``table`` has the columns, beside the columns that the other conditions and the order read: the record's table
    or one that has several rows for a record. ``repeats`` is the SQL for how often it may have the same record.
    """

    attribute: str
    values: str
    table: str
    columns: tuple[ValueColumn, ...]
    repeats: str = "1"


@dataclass(frozen=True, slots=True, eq=False)
class Indexes:
    """The access paths of a table: ``narrow`` ones lead to few rows, the narrowest first; ``wide`` ones may to many.

    If no narrow path fits, the first of ``by_values`` comes whose condition is set; then ``facets`` come before the
    wide paths, for the filters and orders that they serve.
    """

    narrow: tuple[AccessPath, ...]
    wide: tuple[AccessPath, ...]
    facets: FacetTable | None = None
    by_values: tuple[ValuePath, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Relation(Generic[R]):
    """The children of one type that a parent has. ``name`` is the field that lists them.

    ``parent`` is the name of the condition that the parent's rows meet; None if there is no parent, and all rows
    belong.
    """

    name: str
    record: type[R]
    parent: str | None
    conditions: Mapping[str, str]
    indexes: Indexes
