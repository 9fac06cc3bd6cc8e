"""The SQL of lists: one parent's page, or the number of its children, by the access path that fits.

A statement depends on which filters are active, never on their values, which are bound. ``active`` has their names.
"""

from typing import Any

from store.engine.sql import Dialect, text_of
from store.lists.access_paths import access_path_of, conditions_of, value_path_of
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import AccessPath, Relation
from store.sqlite.lists.merges import Merge, merged_count, merged_page
from store.sqlite.lists.value_merges import count_by_values, page_by_values

PAGE = "{ranges}\n      ORDER BY {key} {direction}, sid {direction} LIMIT :limit"
RANGE = "SELECT {columns} FROM {table} INDEXED BY {index} WHERE {conditions}"
AFTER = "({key}, sid) > (:after_key, :after_sid)"
BEFORE = "({key}, sid) < (:before_key, :before_sid)"

CAPPED = "(SELECT count(*) FROM (\n  {rows}\n  LIMIT :cap\n))"
COUNTED = "SELECT 1 FROM {table} INDEXED BY {index} WHERE {conditions}"


def list_sql(
    dialect: Dialect,
    relation: Relation[Any],
    order: Order,
    descending: bool,
    after: bool,
    before: bool,
    active: frozenset[str],
    columns: str,
    parent: str,
) -> str:
    """The SELECT of ``columns`` of one parent's page; ``descending`` is how it is read, not how it is shown."""
    path = access_path_of(relation, order, active)
    shape = {"key": order.key_in(dialect), "direction": "DESC" if descending else "ASC", "columns": columns}
    if path is None:
        merge, by_values = Merge(dialect, relation, order, descending, active, parent), value_path_of(relation, active)
        return page_by_values(merge, by_values, columns) if by_values else merged_page(merge, columns)
    bounds = [AFTER.format(**shape)] * after + [BEFORE.format(**shape)] * before
    conditions = [*conditions_of(dialect, relation, active - {order.column}, parent, path.attribute), *bounds]
    ranges = _ranges(dialect, path, relation, active, parent, conditions, RANGE, columns)
    return PAGE.format(ranges="\n      UNION ALL ".join(ranges), **shape)


def _ranges(
    dialect: Dialect,
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
            conditions=" AND ".join([text_of(index_range.condition, dialect).format(value=value), *conditions]),
        )
        for index_range in path.ranges
    ]


def count_sql(dialect: Dialect, relation: Relation[Any], active: frozenset[str], parent: str) -> str:
    """The expression that counts one parent's children, up to ``:cap``."""
    path = access_path_of(relation, BY_DATE_CREATED, active)
    if path is not None:
        conditions = conditions_of(dialect, relation, active, parent, path.attribute)
        ranges = _ranges(dialect, path, relation, active, parent, conditions, COUNTED, "")
        return CAPPED.format(rows="\n  UNION ALL ".join(ranges))
    by_values = value_path_of(relation, active)
    if by_values:
        return CAPPED.format(rows=count_by_values(dialect, relation, by_values, active, parent))
    return CAPPED.format(rows=merged_count(dialect, relation, active, parent))
