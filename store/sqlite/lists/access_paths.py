"""The SQL of lists: one parent's page, or the number of its children, by the access path that fits.

A statement depends on which filters are active, never on their values, which are bound.
"""

from store.engine.sql import text_of
from store.lists.access_paths import access_path_of, value_path_of
from store.lists.parent_pages import ParentPage
from store.lists.relations import AccessPath
from store.sqlite.lists.merges import MergedPage, merged_count, merged_page
from store.sqlite.lists.value_merges import count_by_values, page_by_values

PAGE = "{ranges}\n      ORDER BY {key} {direction}, sid {direction} LIMIT :limit"
RANGE = "SELECT {columns} FROM {table} INDEXED BY {index} WHERE {conditions}"
AFTER = "({key}, sid) > (:after_key, :after_sid)"
BEFORE = "({key}, sid) < (:before_key, :before_sid)"

CAPPED = "(SELECT count(*) FROM (\n  {rows}\n  LIMIT :cap\n))"
COUNTED = "SELECT 1 FROM {table} INDEXED BY {index} WHERE {conditions}"


def list_sql(page: ParentPage, columns: str) -> str:
    """The SELECT of ``columns`` of the page."""
    path = access_path_of(page.relation, page.order, page.active)
    if path is None:
        merged, by_values = MergedPage(page.dialect, page.shape, page.parent), value_path_of(page.relation, page.active)
        return page_by_values(merged, by_values, columns) if by_values else merged_page(merged, columns)
    texts = {"key": page.key, "direction": page.direction, "columns": columns}
    bounds = [AFTER.format(**texts)] * page.shape.after + [BEFORE.format(**texts)] * page.shape.before
    conditions = [*page.conditions(page.active - {page.order.column}, path.attribute), *bounds]
    return PAGE.format(ranges="\n      UNION ALL ".join(_ranges(page, path, conditions, RANGE, columns)), **texts)


def count_sql(page: ParentPage) -> str:
    """The expression that counts the page's rows, up to ``:cap``."""
    path = access_path_of(page.relation, page.order, page.active)
    if path is not None:
        ranges = _ranges(page, path, page.conditions(page.active, path.attribute), COUNTED)
        return CAPPED.format(rows="\n  UNION ALL ".join(ranges))
    by_values = value_path_of(page.relation, page.active)
    return CAPPED.format(rows=count_by_values(page, by_values) if by_values else merged_count(page))


def _ranges(page: ParentPage, path: AccessPath, conditions: list[str], each: str, columns: str = "") -> list[str]:
    value = page.parent if path.attribute == page.relation.parent else f":{path.attribute}"
    return [
        each.format(
            columns=columns,
            table=page.table,
            index=index_range.index_name,
            conditions=" AND ".join([text_of(index_range.condition, page.dialect).format(value=value), *conditions]),
        )
        for index_range in path.ranges
    ]
