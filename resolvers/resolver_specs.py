"""Resolver specs declare what a resolver does, so that the plan compiler needn't call it (Grafast: plan resolvers).

If a selected field's resolver has no spec, Strawberry runs the whole operation. A field without a resolver needs no
spec: it is a column of its record, or a group of columns.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, TypeVar

from store.columns import Record
from store.lists.filters import Filter
from store.lists.orders import Order
from store.lists.relations import Relation

F = TypeVar("F", bound=Callable[..., Any])


class ColumnSpec(NamedTuple):
    """The value of a column of the parent record."""

    column: str


class ReferenceSpec(NamedTuple):
    """The record whose SID is in a column of the parent record; null if the column is null."""

    record: type[Record]
    column: str


class LookupSpec(NamedTuple):
    """The record with the argument ``sid``; if ``under``, only if it is a child of the parent record."""

    record: type[Record]
    under: bool = False


class ListSpec(NamedTuple):
    """All children of a relation, as a plain list."""

    relation: Relation[Any]


class ConnectionSpec(NamedTuple):
    """A connection over a relation; ``order`` and ``filter`` convert the arguments to the store's types."""

    relation: Relation[Any]
    order: Callable[[Any], Order] | None = None
    filter: Callable[[Any], Filter | None] | None = None


class NodeSpec(NamedTuple):
    """The record of any type whose SID is in a column of the parent; null if there is none."""

    column: str


class FeedSpec(NamedTuple):
    """The change feed; ``request`` converts the arguments, of which the last is the largest page, to a FeedRequest."""

    request: Callable[..., Any]


class RelayField(Enum):
    """The members of connections and edges, and the two ways to find nodes by their ids."""

    EDGES = "edges"
    NODES = "nodes"
    PAGE_INFO = "pageInfo"
    TOTAL_COUNT = "totalCount"
    TOTAL_COUNT_CAPPED = "totalCountCapped"
    LATEST_CURSOR = "latestCursor"
    NODE_BY_ID = "node"
    NODES_BY_IDS = "nodes by ids"


ResolverSpec: TypeAlias = (
    ColumnSpec | ReferenceSpec | LookupSpec | ListSpec | ConnectionSpec | NodeSpec | FeedSpec | RelayField
)

_specs: dict[Callable[..., Any], ResolverSpec] = {}


def resolver_spec(spec: ResolverSpec) -> Callable[[F], F]:
    """Declares that the decorated resolver does exactly what ``spec`` says."""

    def declare(resolver: F) -> F:
        _specs[resolver] = spec
        return resolver

    return declare


def spec_of(resolver: Callable[..., Any]) -> ResolverSpec | None:
    """The spec of a resolver, if it has one."""
    return _specs.get(resolver)
