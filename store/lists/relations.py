"""Relations: which rows a connection lists, how they belong to their parent, and which indexes find them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from store.columns import Record
from store.engine.sql import Sql
from store.lists.facets import FacetTable

R = TypeVar("R", bound=Record)


class IndexRange(NamedTuple):
    """A range of the index ``index_name``: the rows that meet ``condition``, in which ``{value}`` is the parameter."""

    index_name: str
    condition: Sql


class AccessPath(NamedTuple):
    """How the rows with one value of ``attribute`` are found; with None, all rows.

    Its ranges don't overlap. If it ``is_sorted``, each index continues with (date_created, sid); if not, it finds few.
    """

    attribute: str | None
    ranges: tuple[IndexRange, ...]
    is_sorted: bool = True


class ValueColumn(NamedTuple):
    """A ``column`` with the values that are looked for, and its indexes by the order's column.

    Each of ``by_kind`` continues with the facet combination, the order's key and the SID; each of ``by_date``, which
    need not have every order, only with the key and the SID. ``counted`` is a condition, over
    ``{values}``, by which a row that several columns of the path find is counted once; "" for the first column.
    """

    column: str
    by_kind: Mapping[str, str]
    by_date: Mapping[str, str] = MappingProxyType({})
    counted: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ValuePath:
    """Finds the rows in which one of some columns has one of several values. Very many rows may have each value.

    ``values`` is the SELECT of these values; no value is null. In it, ``{value}`` is the parameter of the condition
    ``attribute``. ``table`` has these columns, and those of the other conditions and the order: it is the record's
    own table, or one with several rows for a record. ``repeats`` is the SQL for the most rows that a record has there.
    """

    attribute: str
    values: Sql
    table: str
    columns: tuple[ValueColumn, ...]
    repeats: Sql = "1"


@dataclass(frozen=True, slots=True, eq=False)
class Indexes:
    """The access paths of a table: ``narrow`` ones find few rows, the narrowest first; ``wide`` ones may find many.

    If no narrow path fits, the first of ``by_values`` with an active condition is used; otherwise ``facets``, if they
    serve the filter and the order; otherwise a wide path.
    """

    narrow: tuple[AccessPath, ...]
    wide: tuple[AccessPath, ...]
    facets: FacetTable | None = None
    by_values: tuple[ValuePath, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Relation(Generic[R]):
    """The rows of one type that a parent lists. ``name`` is the field that lists them.

    ``parent`` is the name of the condition that selects a parent's rows; None if there is no parent, for all rows.
    """

    name: str
    record: type[R]
    parent: str | None
    conditions: Mapping[str, Sql]
    indexes: Indexes
