"""Merged lists: the SQL of lists whose rows come from many ranges of an index, merged in the order of the list.

Here there is one range for each facet combination that meets the filter (store/lists/facets.py); value_merges.py has
those of several values. A page reads one row of each range and then one for each of its own rows, however many rows the
ranges have.
"""

from dataclasses import dataclass
from typing import Any

from store.engine.sql import Dialect
from store.lists.access_paths import conditions_of, facets_of
from store.lists.facets import FacetTable, by_lag
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import Relation

MERGED_PAGE = """
WITH RECURSIVE merged (place, kind, end_key, end_sid) AS (
        SELECT ({first}), id, end_key, end_sid FROM ({kinds})
        UNION ALL
        SELECT ({next}), kind, end_key, end_sid FROM merged WHERE place <> '{none}'
        ORDER BY 1 {direction} LIMIT :limit
      )
      SELECT {columns} FROM merged CROSS JOIN {table} ON sid = substr(place, 25) ORDER BY place {direction}
""".strip()
PICKED_COMBINATIONS = (
    "SELECT id, {start} AS start_key, {start_sid} AS start_sid, {end} AS end_key, {end_sid} AS end_sid FROM {table}"
)
STEP = """
coalesce((SELECT {key} || sid FROM {table} INDEXED BY {index} WHERE {conditions}
          ORDER BY {key} {direction}, sid {direction} LIMIT 1), '{none}')
""".strip()
"""Sort key (24 characters) and SID of a range's next row, as one text; a sentinel when there is none left."""
AT_START, AT_PLACE = ("start_key", "start_sid"), ("substr(place, 1, 24)", "substr(place, 25)")
"""Where a step begins, as a key and a SID: at the range's start, or after the row that it gave last."""

COUNTED_COMBINATIONS = (
    "SELECT 1 FROM ({kinds}) AS kinds CROSS JOIN {table} INDEXED BY {index} ON kind = kinds.id WHERE {conditions}"
)
KIND_IDS = "SELECT id FROM {table} WHERE {conditions}"


@dataclass(frozen=True, slots=True)
class Merge:
    """One parent's page of ``relation``, merged; ``descending`` is how it is read, not how it is shown."""

    dialect: Dialect
    relation: Relation[Any]
    order: Order
    descending: bool
    active: frozenset[str]
    parent: str

    @property
    def facets(self) -> FacetTable:
        """The facets of the relation's table."""
        return facets_of(self.relation)

    @property
    def shape(self) -> dict[str, str]:
        """What the templates need of the order and the direction."""
        direction, none = ("DESC", "") if self.descending else ("ASC", "~")
        return {"key": self.key, "direction": direction, "none": none, "table": self.relation.record.table}

    @property
    def key(self) -> str:
        """The SQL of the sort key."""
        return self.order.key_in(self.dialect)

    @property
    def picked(self) -> list[str]:
        """The conditions on the facets."""
        return conditions_of(self.dialect, self.relation, self.active & self.facets.served, self.parent, None)

    @property
    def is_by_lag(self) -> bool:
        """Whether a combination's lag narrows its range."""
        return "date_created" in self.active and self.order.column == self.facets.lag

    def step(
        self, table: str, index: str, conditions: list[str], place: tuple[str, str], met: str | None = None
    ) -> str:
        """The next row of the range with these conditions, after ``place``; the path has met the condition ``met``."""
        ahead, behind = ("<", ">") if self.descending else (">", "<")
        key, (place_key, place_sid) = self.key, place
        between = [f"({key}, sid) {ahead} ({place_key}, {place_sid})", f"({key}, sid) {behind} (end_key, end_sid)"]
        if (
            self.order.nullable
        ):  # SQLite seeks in an index of an expression only by a comparison with the expression alone.
            between += f"{key} {ahead}= {place_key}", f"{key} {behind}= end_key"
        others = self.active - self.facets.served - {self.order.column, met}
        rest = conditions_of(self.dialect, self.relation, others, self.parent, None, self.facets.served)
        shape = {**self.shape, "table": table}
        return STEP.format(index=index, conditions=" AND ".join([*conditions, *between, *rest]), **shape)

    def bounds(self) -> tuple[str, str, str, str]:
        """The key and the SID at which a range starts, and those before which it ends."""
        low, low_sid, high, high_sid = ":after_key", ":after_sid", ":before_key", ":before_sid"
        return (high, high_sid, low, low_sid) if self.descending else (low, low_sid, high, high_sid)

    def combinations(self) -> str:
        """The SQL of the combinations that meet the filter, each with the positions between which its rows are read."""
        start, start_sid, end, end_sid = self._bounds_by_lag() if self.is_by_lag else self.bounds()
        sql = PICKED_COMBINATIONS.format(
            start=start, start_sid=start_sid, end=end, end_sid=end_sid, table=self.facets.table
        )
        return " WHERE ".join([sql, " AND ".join(self.picked)] if self.picked else [sql])

    def _bounds_by_lag(self) -> tuple[str, str, str, str]:
        low, low_sid, high, high_sid = ":after_key", ":after_sid", ":before_key", ":before_sid"
        since, before = by_lag("since"), by_lag("before")
        low, low_sid = f"max({low}, {since})", f"iif({low} >= {since}, {low_sid}, '')"
        high, high_sid = f"min({high}, {before})", f"iif({high} <= {before}, {high_sid}, '')"
        return (high, high_sid, low, low_sid) if self.descending else (low, low_sid, high, high_sid)


def merged_page(merge: Merge, columns: str) -> str:
    """The SELECT of ``columns`` of one parent's page."""
    table, index = merge.relation.record.table, merge.facets.indexes[merge.order.column]
    return MERGED_PAGE.format(
        first=merge.step(table, index, [f"{table}.kind = id"], AT_START),
        next=merge.step(table, index, [f"{table}.kind = merged.kind"], AT_PLACE),
        kinds=merge.combinations(),
        columns=columns,
        **merge.shape,
    )


def merged_count(dialect: Dialect, relation: Relation[Any], active: frozenset[str], parent: str) -> str:
    """The SELECT of one row for each of one parent's children."""
    facets = facets_of(relation)
    picked = conditions_of(dialect, relation, active & facets.served, parent, None)
    rest = conditions_of(dialect, relation, active - facets.served, parent, None, facets.served)
    return COUNTED_COMBINATIONS.format(
        kinds=KIND_IDS.format(table=facets.table, conditions=" AND ".join(picked or ["TRUE"])),
        table=relation.record.table,
        index=facets.indexes[BY_DATE_CREATED.column],
        conditions=" AND ".join(rest or ["TRUE"]),
    )
