"""Chooses how a list is read, for both engines: by an access path, or by a merge of many ranges."""

from typing import Any

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
