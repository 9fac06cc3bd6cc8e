"""Merged lists by values: the SQL of lists of the rows in which a column is one of several values (ValuePath).

Each value has a range of its own, by date, if there is an index of that. Where facets are filtered too, only the next
rows of the range are looked at, which are enough for most filters. For the values of which they aren't enough, and for
lists without such an index, there is one range for each facet combination of the value's rows. The ranges are merged
as in merges.py.
"""

from store.engine.sql import text_of
from store.lists.relations import ValueColumn, ValuePath
from store.postgresql.lists.merges import combinations, merged, others_of, rest_of
from store.postgresql.lists.ranges import LIMIT, RangePage

POSITIONS = """
SELECT {distinct}* FROM (
    WITH given AS MATERIALIZED ({values}), kinds AS MATERIALIZED ({kinds}){near}
    {legs}
  ) AS legs
""".strip()
"""The ranges of each of the path's columns; DISTINCT drops repeats of a row that several ranges contain."""
BY_DATE = """
SELECT rest.* FROM ({chosen}) AS ranges CROSS JOIN LATERAL (
      {rest}
    ) AS rest
""".strip()
BY_KIND = """
WITH RECURSIVE met (value, kind) AS (
        SELECT chosen.value, ({first}) FROM ({chosen}) AS chosen
        UNION ALL
        SELECT chosen.value, ({next}) FROM met AS chosen WHERE chosen.kind IS NOT NULL
      )
      SELECT met.value, kinds.* FROM met JOIN kinds ON kinds.kind = met.kind
""".strip()
"""Finds a value's facet combinations one after another, with one index lookup for each (a loose index scan)."""
KIND = "SELECT kind FROM {table} WHERE {conditions} ORDER BY kind LIMIT 1"
GIVEN = "SELECT value FROM given"
NEAR = """
, near_{part} AS MATERIALIZED (
      SELECT given.value, rest.* FROM given CROSS JOIN LATERAL (
        SELECT listed_key, listed_sid FROM (
          {range}
        ) AS next WHERE is_met AND (kind IN (SELECT kinds.kind FROM kinds)) IS TRUE
        ORDER BY listed_key {direction}, listed_sid {direction} LIMIT {limit}
      ) AS rest
    )
"""
"""IS TRUE keeps the planner from making it a join: it looks each row's combination up in a hash table."""
POSITIONS_NEAR = "SELECT listed_key, listed_sid FROM near_{part}"
FAR = """
SELECT value FROM given
        WHERE value NOT IN (SELECT value FROM near_{part} GROUP BY value HAVING count(*) >= {limit})
          AND (SELECT TRUE FROM {table} WHERE {table}.{column} = given.value LIMIT 1 OFFSET {next}) IS TRUE
""".strip()
"""The values for which NEXT_ROWS rows aren't enough to fill the page."""
NEXT_ROWS = 1_000
"""How many rows of a value's range are looked at: a third of a millisecond."""
COUNTED = """
SELECT {row} FROM ({values}) AS chosen CROSS JOIN LATERAL (SELECT sid FROM {table} WHERE {conditions} OFFSET 0) AS rows
""".strip()


def page_by_values(page: RangePage, path: ValuePath, columns: str) -> str:
    """The SELECT of ``columns`` of the page."""
    has_dates = all(page.order.column in column.by_date for column in path.columns)
    has_kinds = not has_dates or bool(page.on_facets) or page.is_by_lag
    near, legs = "", []
    for part, column in enumerate(path.columns):
        if not has_kinds:
            legs.append(_by_date(page, path, column))
        elif not has_dates:
            legs.append(_by_kind(page, path, column, GIVEN))
        else:
            near += _near(page, path, column, part)
            legs.append(POSITIONS_NEAR.format(part=part))
            far = FAR.format(part=part, table=path.table, column=column.column, limit=LIMIT, next=NEXT_ROWS)
            legs.append(_by_kind(page, path, column, far))
    positions = POSITIONS.format(
        distinct="" if path.repeats == "1" else "DISTINCT ",
        values=_values(page, path),
        kinds=combinations(page),
        near=near,
        legs="\n    UNION ALL\n    ".join(legs),
    )
    return page.listed(positions, columns)


def count_by_values(page: RangePage, path: ValuePath) -> str:
    """The SELECT of one row for each of the page's rows."""
    facets = page.facets
    others = page.unindexed_but_period(page.active - facets.served - {path.attribute}, None, facets.served)
    if chosen := page.on_facets:
        others.append(f"kind IN (SELECT id FROM {facets.table} WHERE {' AND '.join(chosen)})")
    values = _values(page, path)
    return "\n  UNION ALL ".join(
        COUNTED.format(
            row="1" if path.table == page.table else "DISTINCT rows.sid",
            values=values,
            table=path.table,
            conditions=" AND ".join(
                filter(
                    None,
                    [f"{path.table}.{column.column} = chosen.value", column.counted.format(values=values), *others],
                )
            ),
        )
        for column in path.columns
    )


def _values(page: RangePage, path: ValuePath) -> str:
    return text_of(path.values, page.dialect).format(value=f":{path.attribute}")


def _by_date(page: RangePage, path: ValuePath, column: ValueColumn) -> str:
    conditions = [f"{path.table}.{column.column} = ranges.value", *rest_of(page, path.attribute, False)]
    return BY_DATE.format(chosen=GIVEN, rest=page.range(path.table, conditions))


def _near(page: RangePage, path: ValuePath, column: ValueColumn, part: int) -> str:
    """The next rows of each value that may be on the page."""
    conditions = [f"{path.table}.{column.column} = given.value", *page.bounds()]
    is_met = f"({' AND '.join(others_of(page, path.attribute)) or 'TRUE'}) AS is_met"
    return NEAR.format(
        part=part,
        range=page.range(path.table, conditions, str(NEXT_ROWS), f", kind, {is_met}"),
        direction=page.direction,
        limit=LIMIT,
    )


def _by_kind(page: RangePage, path: ValuePath, column: ValueColumn, chosen: str) -> str:
    of_value = f"{path.table}.{column.column} = chosen.value"
    ranges = BY_KIND.format(
        first=KIND.format(table=path.table, conditions=of_value),
        next=KIND.format(table=path.table, conditions=f"{of_value} AND {path.table}.kind > chosen.kind"),
        chosen=chosen,
    )
    conditions = [
        f"{path.table}.{column.column} = ranges.value",
        f"{path.table}.kind = ranges.kind",
        *rest_of(page, path.attribute, page.is_by_lag),
    ]
    repeats = text_of(path.repeats, page.dialect).format(value=f":{path.attribute}")
    return merged(page, path.table, ranges, conditions, repeats)
