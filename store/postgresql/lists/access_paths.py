"""The SQL of lists: one parent's page, or the number of its children, by the access path that fits.

A statement depends on which filters are active, never on their values, which are bound.
"""

from store.engine.sql import text_of
from store.lists.access_paths import access_path_of, value_path_of
from store.lists.relations import AccessPath
from store.postgresql.lists.merges import merged_count, merged_page
from store.postgresql.lists.ranges import LIMIT, RangePage
from store.postgresql.lists.value_merges import count_by_values, page_by_values

PAGE = """
SELECT {columns} FROM {table} WHERE {conditions}
ORDER BY {key} {direction}, sid {direction} LIMIT {limit}
""".strip()
FEW = "(SELECT * FROM {table} WHERE {conditions} OFFSET 0) AS {table}"
"""Reads the few rows first and sorts them then. Otherwise the planner might read the whole table in that order."""
CAPPED = "(SELECT count(*) FROM (\n  {rows}\n  LIMIT CAST(:cap AS bigint)\n) AS children)"
COUNTED = "SELECT 1 FROM {table} WHERE {conditions}"


def list_sql(page: RangePage, columns: str) -> str:
    """The SELECT of ``columns`` of the page."""
    path = access_path_of(page.relation, page.order, page.active)
    if path is None:
        by_values = value_path_of(page.relation, page.active)
        return page_by_values(page, by_values, columns) if by_values else merged_page(page, columns)
    ranges = _ranges(page, path, page.active - {page.order.column}, page.bounds())
    table = page.table
    if len(ranges) > 1:
        sources = [_source(path, table, conditions) for conditions in ranges]
        rows = "\n  UNION ALL\n  ".join(f"({page.range(source, conditions)})" for source, conditions in sources)
        return page.listed(f"SELECT * FROM (\n  {rows}\n  ) AS ranges", columns)
    source, conditions = _source(path, table, ranges[0])
    return PAGE.format(
        columns=columns,
        table=source,
        conditions=" AND ".join(conditions),
        key=page.key,
        direction=page.direction,
        limit=LIMIT,
    )


def count_sql(page: RangePage) -> str:
    """The expression that counts the page's rows, up to ``:cap``."""
    path = access_path_of(page.relation, page.order, page.active)
    if path is not None:
        ranges = _ranges(page, path, page.active, [])
        rows = [COUNTED.format(table=page.table, conditions=" AND ".join(conditions)) for conditions in ranges]
        return CAPPED.format(rows="\n  UNION ALL ".join(rows))
    by_values = value_path_of(page.relation, page.active)
    return CAPPED.format(rows=count_by_values(page, by_values) if by_values else merged_count(page))


def _ranges(page: RangePage, path: AccessPath, active: frozenset[str], bounds: list[str]) -> list[list[str]]:
    """The conditions of each range of the path; the first one is the index's."""
    value = page.parent if path.attribute == page.relation.parent else f":{path.attribute}"
    others = page.unindexed_but_period(active, path.attribute)
    return [[text_of(each.condition, page.dialect).format(value=value), *others, *bounds] for each in path.ranges]


def _source(path: AccessPath, table: str, conditions: list[str]) -> tuple[str, list[str]]:
    """Where a range's rows come from, and the conditions that are left."""
    if path.is_sorted:
        return table, conditions
    first, *others = conditions
    return FEW.format(table=table, conditions=first), others or ["TRUE"]
