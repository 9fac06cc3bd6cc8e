"""Ranges: the rows of an index with the same first columns, in the order of a list, up to its limit.

PostgreSQL has no hints, and right after many rows were written it has no statistics either. So the SQL is written such
that the planner takes the right index:
- A condition that isn't the range's own is written ``(…) IS TRUE``, so that no index serves it.
- A LIMIT or OFFSET 0 keeps a sub-select as it is, so that one with LATERAL runs once for each row before it.
- The index of a range has its columns in the order of the list, so no other index is cheaper.
"""

from store.lists.orders import BY_DATE_CREATED
from store.lists.parent_pages import ParentPage

LIMIT = "CAST(:limit AS bigint)"
RANGE = """
SELECT {key} AS listed_key, sid AS listed_sid{more} FROM {table} WHERE {conditions}
  ORDER BY {key} {direction}, sid {direction} LIMIT {limit}
""".strip()
LISTED = """
SELECT {columns} FROM (
  {rows}
  ORDER BY listed_key {direction}, listed_sid {direction} LIMIT {limit}
) AS found CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {table}.sid = found.listed_sid OFFSET 0) AS {table}
ORDER BY found.listed_key {direction}, found.listed_sid {direction}
""".strip()


class RangePage(ParentPage):
    """One parent's page, read from ranges of indexes."""

    __slots__ = ()

    def bounds(self) -> list[str]:
        """The conditions of the positions between which the page lies."""
        return self.between(
            (":after_key", ":after_sid") if self.shape.after else None,
            (":before_key", ":before_sid") if self.shape.before else None,
        )

    def between(self, low: tuple[str, str] | None, high: tuple[str, str] | None) -> list[str]:
        """The conditions that a row's position is above ``low`` and below ``high``."""
        ends = ((">", low), ("<", high))
        return [f"({self.key}, sid) {compared} ({end[0]}, {end[1]})" for compared, end in ends if end]

    def range(self, table: str, conditions: list[str], limit: str = LIMIT, more: str = "") -> str:
        """The SELECT of the positions of the first rows in a range, and of ``more`` columns."""
        return RANGE.format(
            key=self.key,
            more=more,
            table=table,
            conditions=" AND ".join(conditions),
            direction=self.direction,
            limit=limit,
        )

    def listed(self, rows: str, columns: str) -> str:
        """The SELECT of ``columns`` of the first of the rows whose positions ``rows`` selects."""
        return LISTED.format(columns=columns, rows=rows, table=self.table, direction=self.direction, limit=LIMIT)

    def unindexed(self, active: frozenset[str], met: str | None, served: frozenset[str] = frozenset()) -> list[str]:
        """The SQL of these conditions (see ``conditions``), written so that no index serves them."""
        return [f"({condition}) IS TRUE" for condition in self.conditions(active, met, served)]

    def unindexed_but_period(
        self, active: frozenset[str], met: str | None, served: frozenset[str] = frozenset()
    ) -> list[str]:
        """The same, except that an index may serve the period of date_created: most have it after their own columns."""
        period = active & {BY_DATE_CREATED.column}
        own = [self.condition(name, f":{name}") for name in period]
        return [*own, *self.unindexed(active - period, met, served)]
