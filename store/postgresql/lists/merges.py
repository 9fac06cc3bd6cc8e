"""Merged lists: the SQL of lists whose rows come from many ranges of an index, merged in the order of the list.

Here there is one range for each facet combination that meets the filter (store/lists/facets.py); value_merges.py has
those of several values. A page of n rows reads the first row of each range, keeps the n ranges that begin first, and
reads n rows of each of these: no row of any other range can be on the page.
"""

from store.lists import facets
from store.lists.access_paths import facets_of
from store.postgresql.lists.ranges import LIMIT, Listing

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


def merged_page(listing: Listing, columns: str) -> str:
    """The SELECT of ``columns`` of one parent's page."""
    conditions = ["kind = ranges.kind", *rest_of(listing, None, is_by_lag(listing))]
    return listing.listed(merged(listing, listing.table, combinations(listing), conditions), columns)


def merged_count(listing: Listing) -> str:
    """The SELECT of one row for each of one parent's children."""
    served = facets_of(listing.relation).served
    rest = listing.unindexed_but_period(listing.active - served, None, served)
    return COUNTED.format(
        ranges=combinations(listing, for_count=True),
        table=listing.table,
        conditions=" AND ".join(["kind = ranges.kind", *rest]),
    )


def merged(listing: Listing, table: str, ranges: str, conditions: list[str], repeats: str = "1") -> str:
    """The SELECT of the positions of the rows in ``ranges``; ``conditions`` are those of the rows of one of them.

    ``repeats`` is the SQL for the most ranges that may begin with the same row.
    """
    return MERGED.format(
        ranges=ranges,
        first=listing.range(table, conditions, "1"),
        rest=listing.range(table, conditions),
        most=LIMIT if repeats == "1" else f"{LIMIT} * {repeats}",
        direction=listing.direction,
    )


def picked(listing: Listing) -> list[str]:
    """The conditions on the facets."""
    return listing.conditions(listing.active & facets_of(listing.relation).served, None)


def is_by_lag(listing: Listing) -> bool:
    """Whether a combination's lag narrows its range."""
    return "date_created" in listing.active and listing.order.column == facets_of(listing.relation).lag


def rest_of(listing: Listing, met: str | None, by_lag: bool) -> list[str]:
    """The conditions of a range's rows beside those of its index: the positions, and what else is asked.

    The path has ``met`` a condition. A range ``by_lag`` has ends of its own.
    """
    between = listing.between(LOW, HIGH) if by_lag else listing.bounds()
    return [*between, *others_of(listing, met)]


def others_of(listing: Listing, met: str | None) -> list[str]:
    """The conditions that neither the facets, nor the positions, nor the path meet."""
    served = facets_of(listing.relation).served
    return listing.unindexed(listing.active - served - {listing.order.column, met}, None, served)


def combinations(listing: Listing, for_count: bool = False) -> str:
    """The SELECT of the combinations that meet the filter, as ``kind``, and the ends of their ranges if by lag."""
    columns = ["id AS kind"]
    if is_by_lag(listing) and not for_count:
        columns += _ends_by_lag(listing)
    conditions = " AND ".join(picked(listing)) or "TRUE"
    return COMBINATIONS.format(
        columns=", ".join(columns), table=facets_of(listing.relation).table, conditions=conditions
    )


def _ends_by_lag(listing: Listing) -> list[str]:
    """The later of the lag's start and the page's, and the earlier of both ends."""
    since, before = facets.by_lag("since"), facets.by_lag("before")
    low_sid = high_sid = "''"
    if listing.after:
        after = 'CAST(:after_key AS text) COLLATE "C"'
        low_sid = f"CASE WHEN {after} >= {since} THEN :after_sid ELSE '' END"
        since = f"greatest({after}, {since})"
    if listing.before:
        until = 'CAST(:before_key AS text) COLLATE "C"'
        high_sid = f"CASE WHEN {until} <= {before} THEN :before_sid ELSE '' END"
        before = f"least({until}, {before})"
    return [f"{since} AS low_key", f"{low_sid} AS low_sid", f"{before} AS high_key", f"{high_sid} AS high_sid"]
