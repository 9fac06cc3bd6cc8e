"""How a list is read: by which access path, whatever the engine, and which conditions that leaves."""

from typing import Any

from store.engine.sql import Dialect, text_of
from store.lists.facets import FacetTable
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import AccessPath, Relation, ValuePath


def access_path_of(relation: Relation[Any], order: Order, active: frozenset[str]) -> AccessPath | None:
    """The access path for the active filters and the order; None if rows are merged, by values or by the facets."""
    indexes, attributes = relation.indexes, {None, relation.parent, *active}
    for path in indexes.narrow:
        if path.attribute in attributes:
            return path
    facets = indexes.facets
    if facets and (active & facets.served - {"service_sid"} or order.column != BY_DATE_CREATED.column):
        return None
    if value_path_of(relation, active):
        return None
    return next((path for path in indexes.wide if path.attribute in attributes), None)


def value_path_of(relation: Relation[Any], active: frozenset[str]) -> ValuePath | None:
    """The path by the values of an active filter, if there is one."""
    return next((path for path in relation.indexes.by_values if path.attribute in active), None)


def facets_of(relation: Relation[Any]) -> FacetTable:
    """The facets of the relation's table."""
    if relation.indexes.facets is None:
        raise TypeError(f"{relation.name} is read by facets, but {relation.record.table} has none.")
    return relation.indexes.facets


def conditions_of(
    dialect: Dialect,
    relation: Relation[Any],
    active: frozenset[str],
    parent: str,
    met: str | None,
    served: frozenset[str] = frozenset(),
) -> list[str]:
    """The SQL of the conditions and the parent's, except those that a path has ``met`` or facets have ``served``."""
    conditions = []
    if relation.parent is not None and relation.parent != met and relation.parent not in served:
        conditions.append(condition_of(dialect, relation, relation.parent, parent))
    if met in active and met == relation.parent:
        conditions.append(condition_of(dialect, relation, met, f":{met}"))
    return conditions + [condition_of(dialect, relation, name, f":{name}") for name in sorted(active - {met})]


def condition_of(dialect: Dialect, relation: Relation[Any], name: str, value: str) -> str:
    """The SQL of one condition, with ``value`` for its value."""
    return text_of(relation.conditions[name], dialect).format(value=value)
