"""A page of one parent's children, as both engines read it: on what its SQL depends, and the SQL of its conditions."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from store.engine.sql import Dialect, text_of
from store.lists.facets import FacetTable
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import Relation


class ListShape(NamedTuple):
    """What the SQL of a page depends on; everything else is bound.

    ``descending`` is the direction in which it is read, not in which it is shown. ``after`` and ``before`` say which
    ends it has; ``active`` has the names of the active filters.
    """

    relation: Relation[Any]
    order: Order
    descending: bool
    after: bool
    before: bool
    active: frozenset[str]


@dataclass(frozen=True, slots=True)
class ParentPage:
    """The page of one parent's children; ``parent`` is the SQL of its SID."""

    dialect: Dialect
    shape: ListShape
    parent: str

    @property
    def relation(self) -> Relation[Any]:
        """The relation that it lists."""
        return self.shape.relation

    @property
    def order(self) -> Order:
        """The order of the list."""
        return self.shape.order

    @property
    def active(self) -> frozenset[str]:
        """The names of the active filters."""
        return self.shape.active

    @property
    def key(self) -> str:
        """The SQL of the sort key."""
        return self.order.key_in(self.dialect)

    @property
    def direction(self) -> str:
        """How it is sorted."""
        return "DESC" if self.shape.descending else "ASC"

    @property
    def table(self) -> str:
        """The table of the record."""
        return str(self.relation.record.table)

    @property
    def facets(self) -> FacetTable:
        """The facets of the table. Raises TypeError if it has none."""
        facets = self.relation.indexes.facets
        if facets is None:
            raise TypeError(f"{self.relation.name} is read by facets, but {self.table} has none.")
        return facets

    @property
    def on_facets(self) -> list[str]:
        """The conditions on the facets."""
        return self.conditions(self.active & self.facets.served, None)

    @property
    def is_by_lag(self) -> bool:
        """Whether a combination's lag narrows its range."""
        return "date_created" in self.active and self.order.column == self.facets.lag

    def conditions(self, active: frozenset[str], met: str | None, served: frozenset[str] = frozenset()) -> list[str]:
        """The SQL of these conditions and the parent's, except those a path has ``met`` or facets ``served``."""
        parent, conditions = self.relation.parent, []
        if parent is not None and parent != met and parent not in served:
            conditions.append(self.condition(parent, self.parent))
        if met in active and met == parent:
            conditions.append(self.condition(met, f":{met}"))
        return conditions + [self.condition(name, f":{name}") for name in sorted(active - {met})]

    def condition(self, name: str, value: str) -> str:
        """The SQL of one condition, with ``value`` for its value."""
        return text_of(self.relation.conditions[name], self.dialect).format(value=value)


def count_shape(relation: Relation[Any], active: frozenset[str]) -> ListShape:
    """The shape of all of a parent's children, for counting them."""
    return ListShape(relation, BY_DATE_CREATED, False, False, False, active)
