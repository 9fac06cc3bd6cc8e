"""Forms: what a resolver does, said in a way that a compiled plan can do it too.

A resolver that has a form is planned from it; one that has none is left to the ordinary path, and with it the whole
operation. A field without a resolver needs none: it is a column of its record, or an embedded part of it.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, TypeVar

from store.columns import Record
from store.lists.filters import Filter
from store.lists.orders import Order
from store.lists.relations import Relation

F = TypeVar("F", bound=Callable[..., Any])


class Attribute(NamedTuple):
    """The record's column of this name."""

    column: str


class Reference(NamedTuple):
    """The record whose SID is in this column; null where it is empty."""

    record: type[Record]
    column: str


class Lookup(NamedTuple):
    """The record of the argument ``sid``; ``under`` the parent record, if it has to be its child."""

    record: type[Record]
    under: bool = False


class Whole(NamedTuple):
    """All children of a relation, as a plain list."""

    relation: Relation[Any]


class Listing(NamedTuple):
    """A connection over a relation; ``order`` and ``filter`` make of its arguments what the store reads by."""

    relation: Relation[Any]
    order: Callable[[Any], Order] | None = None
    filter: Callable[[Any], Filter | None] | None = None


class Part(Enum):
    """What a connection or an edge is made of, and how nodes are found by their ids."""

    EDGES = "edges"
    NODES = "nodes"
    PAGE_INFO = "pageInfo"
    TOTAL_COUNT = "totalCount"
    TOTAL_COUNT_CAPPED = "totalCountCapped"
    NODE_BY_ID = "node"
    NODES_BY_IDS = "nodes by ids"


Form: TypeAlias = Attribute | Reference | Lookup | Whole | Listing | Part

_forms: dict[Callable[..., Any], Form] = {}


def planned(form: Form) -> Callable[[F], F]:
    """Says that the resolver it decorates does just what ``form`` says."""

    def remember(resolver: F) -> F:
        _forms[resolver] = form
        return resolver

    return remember


def form_of(resolver: Callable[..., Any]) -> Form | None:
    """The form of a resolver, if it has one."""
    return _forms.get(resolver)
