"""Merged lists: the SQL of lists whose rows come from many ranges of an index, merged in the order of the list.

Here there is one range for each facet combination that meets the filter (store/lists/facets.py); value_merges.py has
those of several values. A page of n rows reads the first row of each range, keeps the n ranges that begin first, and
reads n rows of each of these: no row of any other range can be on the page.
"""

from store.lists import facets
from store.postgresql.lists.ranges import LIMIT, RangePage

MERGED = """
SELECT rest.listed_key, rest.listed_sid FROM (
    SELECT ranges.* FROM (
      {ranges}
    ) AS ranges CROSS JOIN LATERAL (
      {first}
    ) AS first
    ORDER BY first.listed_key {direction}, first.listed_sid {direction} LIMIT {most}
  ) AS ranges CROSS JOIN LATERAL (
    {rest}
  ) AS rest
""".strip()
COMBINATIONS = "SELECT {columns} FROM {table} WHERE {conditions}"
LOW, HIGH = ("ranges.low_key", "ranges.low_sid"), ("ranges.high_key", "ranges.high_sid")
COUNTED = (
    "SELECT 1 FROM ({ranges}) AS ranges CROSS JOIN LATERAL "
    "(SELECT 1 FROM {table} WHERE {conditions} LIMIT CAST(:cap AS bigint)) AS children"
)


def merged_page(page: RangePage, columns: str) -> str:
    """The SELECT of ``columns`` of the page."""
    conditions = ["kind = ranges.kind", *rest_of(page, None, page.is_by_lag)]
    return page.listed(merged(page, page.table, combinations(page), conditions), columns)


def merged_count(page: RangePage) -> str:
    """The SELECT of one row for each of the page's rows."""
    served = page.facets.served
    rest = page.unindexed_but_period(page.active - served, None, served)
    return COUNTED.format(
        ranges=combinations(page, for_count=True),
        table=page.table,
        conditions=" AND ".join(["kind = ranges.kind", *rest]),
    )


def merged(page: RangePage, table: str, ranges: str, conditions: list[str], repeats: str = "1") -> str:
    """The SELECT of the positions of the rows in ``ranges``; ``conditions`` are those of the rows of one of them.

    ``repeats`` is the SQL for the most ranges that may begin with the same row.
    """
    return MERGED.format(
        ranges=ranges,
        first=page.range(table, conditions, "1"),
        rest=page.range(table, conditions),
        most=LIMIT if repeats == "1" else f"{LIMIT} * {repeats}",
        direction=page.direction,
    )


def rest_of(page: RangePage, met: str | None, by_lag: bool) -> list[str]:
    """The conditions of a range's rows besides those of its index: the positions, and the other active filters.

    The path has ``met`` a condition. A range ``by_lag`` has ends of its own.
    """
    between = page.between(LOW, HIGH) if by_lag else page.bounds()
    return [*between, *others_of(page, met)]


def others_of(page: RangePage, met: str | None) -> list[str]:
    """The conditions that are left: those that the facets, the positions and the path don't guarantee."""
    served = page.facets.served
    return page.unindexed(page.active - served - {page.order.column, met}, None, served)


def combinations(page: RangePage, for_count: bool = False) -> str:
    """The SELECT of the combinations that meet the filter, as ``kind``, and the ends of their ranges if by lag."""
    columns = ["id AS kind"]
    if page.is_by_lag and not for_count:
        columns += _ends_by_lag(page)
    conditions = " AND ".join(page.on_facets) or "TRUE"
    return COMBINATIONS.format(columns=", ".join(columns), table=page.facets.table, conditions=conditions)


def _ends_by_lag(page: RangePage) -> list[str]:
    """The later of the lag's start and the page's, and the earlier of both ends."""
    since, before = facets.by_lag("since"), facets.by_lag("before")
    low_sid = high_sid = "''"
    if page.shape.after:
        after = 'CAST(:after_key AS text) COLLATE "C"'
        low_sid = f"CASE WHEN {after} >= {since} THEN :after_sid ELSE '' END"
        since = f"greatest({after}, {since})"
    if page.shape.before:
        until = 'CAST(:before_key AS text) COLLATE "C"'
        high_sid = f"CASE WHEN {until} <= {before} THEN :before_sid ELSE '' END"
        before = f"least({until}, {before})"
    return [f"{since} AS low_key", f"{low_sid} AS low_sid", f"{before} AS high_key", f"{high_sid} AS high_sid"]
