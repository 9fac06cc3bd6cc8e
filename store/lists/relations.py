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


@dataclass(frozen=True, slots=True, eq=False)
class Indexes:
    """The access paths of a table: ``narrow`` ones lead to few rows, the narrowest first; ``wide`` ones may to many.

    If no narrow path fits, ``facets`` come before the wide ones, for the filters and orders that they serve.
    """

    narrow: tuple[AccessPath, ...]
    wide: tuple[AccessPath, ...]
    facets: FacetTable | None = None


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
