"""A relation: the rows that a connection lists, how they belong to their parent, and the indexes that serve them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from store.columns import Record
from store.lists.facets import Kinds

R = TypeVar("R", bound=Record)


class Scope(NamedTuple):
    """Rows that lie together in the index ``index_name``: those that meet ``condition``, over ``{value}``."""

    index_name: str
    condition: str


class Way(NamedTuple):
    """How the rows with one value of ``attribute`` are found; None are all rows.

    The conditions of its scopes exclude one another; each index goes on with (date_created, sid), or leads to so few
    rows that they can be sorted.
    """

    attribute: str | None
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Indexes:
    """The indexes of a table: ``narrow`` ways lead to few rows, the narrowest first; ``wide`` ones may to very many.

    Between them come the ``kinds``, where a filter or an order that they serve is asked for.
    """

    narrow: tuple[Way, ...]
    wide: tuple[Way, ...]
    kinds: Kinds | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Relation(Generic[R]):
    """The children of one kind that a parent has. ``name`` is the field that lists them.

    ``parent`` is the name of the condition that a row meets where it belongs to the parent; None where all rows do.
    """

    name: str
    record: type[R]
    parent: str | None
    conditions: Mapping[str, str]
    indexes: Indexes
