"""The SQL of lists: one parent's page, or the number of its children, by the access path that fits.

A statement depends on which filters are active, never on their values, which are bound. ``active`` has their names.
"""

from typing import Any

from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import AccessPath, Relation
from store.sqlite.statements.merges import Merge, conditions_of, merged_count, merged_page
from store.sqlite.statements.value_merges import count_by_values, page_by_values, value_path_of

PAGE = "{ranges}\n      ORDER BY {key} {direction}, sid {direction} LIMIT :limit"
RANGE = "SELECT {columns} FROM {table} INDEXED BY {index} WHERE {conditions}"
AFTER = "({key}, sid) > (:after_key, :after_sid)"
BEFORE = "({key}, sid) < (:before_key, :before_sid)"

COUNT_CAP = 100_000
"""How far children are counted, unless configured otherwise."""

CAPPED = "(SELECT count(*) FROM (\n  {rows}\n  LIMIT :cap\n))"
COUNTED = "SELECT 1 FROM {table} INDEXED BY {index} WHERE {conditions}"


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


def list_sql(
    relation: Relation[Any],
    order: Order,
    descending: bool,
    after: bool,
    before: bool,
    active: frozenset[str],
    columns: str,
    parent: str = "parent.value",
) -> str:
    """The SELECT of ``columns`` of one parent's page; ``descending`` is how it is read, not how it is shown."""
    path = access_path_of(relation, order, active)
    shape = {"key": order.key, "direction": "DESC" if descending else "ASC", "columns": columns}
    if path is None:
        merge, by_values = Merge(relation, order, descending, active, parent), value_path_of(relation, active)
        return page_by_values(merge, by_values, columns) if by_values else merged_page(merge, columns)
    bounds = [AFTER.format(**shape)] * after + [BEFORE.format(**shape)] * before
    conditions = [*conditions_of(relation, active - {order.column}, parent, path.attribute), *bounds]
    ranges = _ranges(path, relation, active, parent, conditions, RANGE, columns)
    return PAGE.format(ranges="\n      UNION ALL ".join(ranges), **shape)


def _ranges(
    path: AccessPath,
    relation: Relation[Any],
    active: frozenset[str],
    parent: str,
    conditions: list[str],
    each: str,
    columns: str,
) -> list[str]:
    value = parent if path.attribute == relation.parent else f":{path.attribute}"
    return [
        each.format(
            columns=columns,
            table=relation.record.table,
            index=index_range.index_name,
            conditions=" AND ".join([index_range.condition.format(value=value), *conditions]),
        )
        for index_range in path.ranges
    ]


def count_sql(relation: Relation[Any], active: frozenset[str], parent: str = "parent.value") -> str:
    """The expression that counts one parent's children, up to ``:cap``."""
    path = access_path_of(relation, BY_DATE_CREATED, active)
    if path is not None:
        conditions = conditions_of(relation, active, parent, path.attribute)
        ranges = _ranges(path, relation, active, parent, conditions, COUNTED, "")
        return CAPPED.format(rows="\n  UNION ALL ".join(ranges))
    by_values = value_path_of(relation, active)
    if by_values:
        return CAPPED.format(rows=count_by_values(relation, by_values, active, parent))
    return CAPPED.format(rows=merged_count(relation, active, parent))
