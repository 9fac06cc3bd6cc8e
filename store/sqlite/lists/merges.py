"""Merged lists: the SQL of lists whose rows come from many ranges of an index, merged in the order of the list.

Here there is one range for each facet combination that meets the filter (store/lists/facets.py); value_merges.py has
those of several values. A page reads one row of each range and then one for each of its own rows, however many rows the
ranges have.
"""

from store.lists.facets import by_lag
from store.lists.parent_pages import ParentPage

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


class MergedPage(ParentPage):
    """One parent's page, merged."""

    __slots__ = ()

    @property
    def texts(self) -> dict[str, str]:
        """What the templates need of the order and the direction."""
        none = "" if self.shape.descending else "~"
        return {"key": self.key, "direction": self.direction, "none": none, "table": self.table}

    def step(
        self, table: str, index: str, conditions: list[str], place: tuple[str, str], met: str | None = None
    ) -> str:
        """The next row of the range with these conditions, after ``place``; the path has met the condition ``met``."""
        ahead, behind = ("<", ">") if self.shape.descending else (">", "<")
        key, (place_key, place_sid) = self.key, place
        between = [f"({key}, sid) {ahead} ({place_key}, {place_sid})", f"({key}, sid) {behind} (end_key, end_sid)"]
        if self.order.nullable:
            # SQLite seeks in an index of an expression only by a comparison with the expression alone.
            between += f"{key} {ahead}= {place_key}", f"{key} {behind}= end_key"
        others = self.active - self.facets.served - {self.order.column, met}
        rest = self.conditions(others, None, self.facets.served)
        texts = {**self.texts, "table": table}
        return STEP.format(index=index, conditions=" AND ".join([*conditions, *between, *rest]), **texts)

    def bounds(self) -> tuple[str, str, str, str]:
        """The key and the SID at which a range starts, and those before which it ends."""
        low, low_sid, high, high_sid = ":after_key", ":after_sid", ":before_key", ":before_sid"
        return (high, high_sid, low, low_sid) if self.shape.descending else (low, low_sid, high, high_sid)

    def combinations(self) -> str:
        """The SQL of the combinations that meet the filter, each with the positions between which its rows are read."""
        start, start_sid, end, end_sid = self._bounds_by_lag() if self.is_by_lag else self.bounds()
        sql = PICKED_COMBINATIONS.format(
            start=start, start_sid=start_sid, end=end, end_sid=end_sid, table=self.facets.table
        )
        return " WHERE ".join([sql, " AND ".join(self.on_facets)] if self.on_facets else [sql])

    def _bounds_by_lag(self) -> tuple[str, str, str, str]:
        low, low_sid, high, high_sid = ":after_key", ":after_sid", ":before_key", ":before_sid"
        since, before = by_lag("since"), by_lag("before")
        low, low_sid = f"max({low}, {since})", f"iif({low} >= {since}, {low_sid}, '')"
        high, high_sid = f"min({high}, {before})", f"iif({high} <= {before}, {high_sid}, '')"
        return (high, high_sid, low, low_sid) if self.shape.descending else (low, low_sid, high, high_sid)


def merged_page(page: MergedPage, columns: str) -> str:
    """The SELECT of ``columns`` of the page."""
    table, index = page.table, page.facets.indexes[page.order.column]
    return MERGED_PAGE.format(
        first=page.step(table, index, [f"{table}.kind = id"], AT_START),
        next=page.step(table, index, [f"{table}.kind = merged.kind"], AT_PLACE),
        kinds=page.combinations(),
        columns=columns,
        **page.texts,
    )


def merged_count(page: ParentPage) -> str:
    """The SELECT of one row for each of the page's rows."""
    facets = page.facets
    rest = page.conditions(page.active - facets.served, None, facets.served)
    return COUNTED_COMBINATIONS.format(
        kinds=KIND_IDS.format(table=facets.table, conditions=" AND ".join(page.on_facets or ["TRUE"])),
        table=page.table,
        index=facets.indexes[page.order.column],
        conditions=" AND ".join(rest or ["TRUE"]),
    )
