"""The SQL of lists: one parent's page, or the number of its children, by the access path that fits.

A statement depends on which filters are active, never on their values, which are bound. ``active`` has their names.
"""

from typing import Any

from store.lists.facets import FacetTable, by_lag
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import AccessPath, Relation

PAGE = "{ranges}\n      ORDER BY {key} {direction}, sid {direction} LIMIT :limit"
RANGE = "SELECT {columns} FROM {table} INDEXED BY {index} WHERE {conditions}"
AFTER = "({key}, sid) > (:after_key, :after_sid)"
BEFORE = "({key}, sid) < (:before_key, :before_sid)"

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
"""Sort key (24 characters) and SID of a combination's next row, as one text; a sentinel when there is none left."""

COUNT_CAP = 100_000
"""How far children are counted, unless configured otherwise."""

CAPPED = "(SELECT count(*) FROM (\n  {rows}\n  LIMIT :cap\n))"
COUNTED = "SELECT 1 FROM {table} INDEXED BY {index} WHERE {conditions}"
COUNTED_COMBINATIONS = (
    "SELECT 1 FROM ({kinds}) AS kinds CROSS JOIN {table} INDEXED BY {index} ON kind = kinds.id WHERE {conditions}"
)


def access_path_of(relation: Relation[Any], order: Order, active: frozenset[str]) -> AccessPath | None:
    """The access path for the active filters and the order; None if it is by the facets."""
    indexes, attributes = relation.indexes, {None, relation.parent, *active}
    for path in indexes.narrow:
        if path.attribute in attributes:
            return path
    facets = indexes.facets
    if facets and (active & facets.served - {"service_sid"} or order.column != BY_DATE_CREATED.column):
        return None
    return next(path for path in indexes.wide if path.attribute in attributes)


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
        return _merged(relation, order, descending, active, parent, shape)
    bounds = [AFTER.format(**shape)] * after + [BEFORE.format(**shape)] * before
    conditions = [*_conditions(relation, active - {order.column}, parent, path.attribute), *bounds]
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


def _merged(
    relation: Relation[Any],
    order: Order,
    descending: bool,
    active: frozenset[str],
    parent: str,
    shape: dict[str, str],
) -> str:
    facets = _facets(relation)
    shape |= {"none": "" if descending else "~", "table": relation.record.table, "index": facets.indexes[order.column]}
    rest = _conditions(relation, active - facets.served - {order.column}, parent, None, facets.served)
    ahead, behind = ("<", ">") if descending else (">", "<")
    bounds = [f"({order.key}, sid) {ahead} ({{}})", f"({order.key}, sid) {behind} (end_key, end_sid)"]

    def step(kind: str, place: str) -> str:
        conditions = [f"{relation.record.table}.kind = {kind}", bounds[0].format(place), bounds[1], *rest]
        return STEP.format(conditions=" AND ".join(conditions), **shape)

    return MERGED_PAGE.format(
        first=step("id", "start_key, start_sid"),
        next=step("merged.kind", "substr(place, 1, 24), substr(place, 25)"),
        kinds=_picked_combinations(relation, order, descending, active, parent),
        **shape,
    )


def _picked_combinations(
    relation: Relation[Any], order: Order, descending: bool, active: frozenset[str], parent: str
) -> str:
    """The SQL of the combinations that meet the filter, each with the positions between which its rows are read."""
    facets = _facets(relation)
    low, low_sid, high, high_sid = ":after_key", ":after_sid", ":before_key", ":before_sid"
    if "date_created" in active and order.column == facets.lag:
        since, before = by_lag("since"), by_lag("before")
        low, low_sid = f"max({low}, {since})", f"iif({low} >= {since}, {low_sid}, '')"
        high, high_sid = f"min({high}, {before})", f"iif({high} <= {before}, {high_sid}, '')"
    start, end = ((high, high_sid), (low, low_sid)) if descending else ((low, low_sid), (high, high_sid))
    sql = PICKED_COMBINATIONS.format(start=start[0], start_sid=start[1], end=end[0], end_sid=end[1], table=facets.table)
    conditions = _conditions(relation, active & facets.served, parent, None)
    return " WHERE ".join([sql, " AND ".join(conditions)] if conditions else [sql])


def count_sql(relation: Relation[Any], active: frozenset[str], parent: str = "parent.value") -> str:
    """The expression that counts one parent's children, up to ``:cap``."""
    path = access_path_of(relation, BY_DATE_CREATED, active)
    if path is not None:
        conditions = _conditions(relation, active, parent, path.attribute)
        ranges = _ranges(path, relation, active, parent, conditions, COUNTED, "")
        return CAPPED.format(rows="\n  UNION ALL ".join(ranges))
    facets = _facets(relation)
    picked = _conditions(relation, active & facets.served, parent, None)
    conditions = _conditions(relation, active - facets.served, parent, None, facets.served) or ["TRUE"]
    rows = COUNTED_COMBINATIONS.format(
        kinds=f"SELECT id FROM {facets.table} WHERE {' AND '.join(picked)}",
        table=relation.record.table,
        index=facets.indexes[BY_DATE_CREATED.column],
        conditions=" AND ".join(conditions),
    )
    return CAPPED.format(rows=rows)


def _conditions(
    relation: Relation[Any],
    active: frozenset[str],
    parent: str,
    met: str | None,
    served: frozenset[str] = frozenset(),
) -> list[str]:
    """The SQL of the conditions and the parent's, except those that a path has ``met`` or facets have ``served``."""
    conditions = []
    if relation.parent is not None and relation.parent != met and relation.parent not in served:
        conditions.append(relation.conditions[relation.parent].format(value=parent))
    if met in active and met == relation.parent:
        conditions.append(relation.conditions[met].format(value=f":{met}"))
    others = sorted(active - {met})
    return conditions + [relation.conditions[name].format(value=f":{name}") for name in others]


def _facets(relation: Relation[Any]) -> FacetTable:
    if relation.indexes.facets is None:
        raise TypeError(f"{relation.name} is read by facets, but {relation.record.table} has none.")
    return relation.indexes.facets
