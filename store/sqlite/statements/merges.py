"""Merged lists: the SQL of lists whose rows come from many ranges of an index, merged in the order of the list.

There is one range for each facet combination that meets the filter (store/lists/facets.py), or, if a column is one of
several values (ValuePath), one for each of these values and each combination that its rows have. A page reads one row
of each range and then one for each of its own rows, however many rows the ranges have.
"""

from typing import Any

from store.lists.facets import FacetTable, by_lag
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import Relation, ValueColumn, ValuePath

MERGED_PAGE = """
WITH RECURSIVE merged (place, kind, end_key, end_sid) AS (
        SELECT ({first}), id, end_key, end_sid FROM ({kinds})
        UNION ALL
        SELECT ({next}), kind, end_key, end_sid FROM merged WHERE place <> '{none}'
        ORDER BY 1 {direction} LIMIT :limit
      )
      SELECT {columns} FROM merged CROSS JOIN {table} ON sid = substr(place, 25) ORDER BY place {direction}
""".strip()
MERGED_PAGE_BY_VALUES = """
WITH RECURSIVE ranges (value, part, kind) AS (
        SELECT value, part, {first_kind} FROM ({values}) AS chosen CROSS JOIN ({parts}) AS parts
        UNION ALL
        SELECT value, part, {next_kind} FROM ranges WHERE kind IS NOT NULL
      ),
      merged (place, value, part, kind, end_key, end_sid) AS (
        SELECT ({first}), value, part, kind, end_key, end_sid
        FROM ranges CROSS JOIN ({kinds}) AS kinds ON kinds.id = ranges.kind
        UNION ALL
        SELECT ({next}), value, part, kind, end_key, end_sid FROM merged WHERE place <> '{none}'
        ORDER BY 1 {direction} LIMIT :limit * {repeats}
      )
      SELECT {columns} FROM (SELECT place FROM merged GROUP BY place ORDER BY place {direction} LIMIT :limit)
      CROSS JOIN {table} ON sid = substr(place, 25) ORDER BY place {direction}
""".strip()
"""``ranges`` finds the combinations that the rows of each value have, one after another, by skipping to the next."""
NEXT_KIND = "(SELECT kind FROM {table} INDEXED BY {index} WHERE {conditions} ORDER BY kind LIMIT 1)"
PICKED_COMBINATIONS = (
    "SELECT id, {start} AS start_key, {start_sid} AS start_sid, {end} AS end_key, {end_sid} AS end_sid FROM {table}"
)
STEP = """
coalesce((SELECT {key} || sid FROM {table} INDEXED BY {index} WHERE {conditions}
          ORDER BY {key} {direction}, sid {direction} LIMIT 1), '{none}')
""".strip()
"""Sort key (24 characters) and SID of a range's next row, as one text; a sentinel when there is none left."""

COUNTED_COMBINATIONS = (
    "SELECT 1 FROM ({kinds}) AS kinds CROSS JOIN {table} INDEXED BY {index} ON kind = kinds.id WHERE {conditions}"
)
COUNTED_VALUES = "SELECT {row} FROM {table} INDEXED BY {index} WHERE {conditions}"
KIND_IDS = "SELECT id FROM {table} WHERE {conditions}"


def value_path_of(relation: Relation[Any], active: frozenset[str]) -> ValuePath | None:
    """The path by the values of an active filter, if there is one."""
    return next((path for path in relation.indexes.by_values if path.attribute in active), None)


def merged_page(
    relation: Relation[Any], order: Order, descending: bool, active: frozenset[str], parent: str, columns: str
) -> str:
    """The SELECT of ``columns`` of one parent's page, by values or by the facets."""
    facets, path = facets_of(relation), value_path_of(relation, active)
    read = active - facets.served - {order.column, path.attribute if path else None}
    rest = conditions_of(relation, read, parent, None, facets.served)
    none = "" if descending else "~"
    shape = {"key": order.key, "direction": "DESC" if descending else "ASC", "none": none, "columns": columns}
    kinds = _picked_combinations(relation, order, descending, active, parent)
    ahead, behind = ("<", ">") if descending else (">", "<")
    between = f"({order.key}, sid) {ahead} ({{}}) AND ({order.key}, sid) {behind} (end_key, end_sid)"

    def step(table: str, index: str, conditions: list[str], place: str) -> str:
        conditions = [*conditions, between.format(place), *rest]
        return STEP.format(table=table, index=index, conditions=" AND ".join(conditions), **shape)

    at_start, at_place = "start_key, start_sid", "substr(place, 1, 24), substr(place, 25)"
    table = relation.record.table
    if path is None:
        index = facets.indexes[order.column]
        return MERGED_PAGE.format(
            first=step(table, index, [f"{table}.kind = id"], at_start),
            next=step(table, index, [f"{table}.kind = merged.kind"], at_place),
            kinds=kinds,
            table=table,
            **shape,
        )
    by_values, source = path, path.table

    def step_of(column: ValueColumn, outer: str, place: str) -> str:
        conditions = [f"{source}.{column.column} = {outer}.value", f"{source}.kind = {outer}.kind"]
        return step(source, column.indexes[order.column], conditions, place)

    def kind_after(column: ValueColumn, outer: str, after: str) -> str:
        conditions = f"{source}.{column.column} = {outer}.value{after}"
        return NEXT_KIND.format(table=source, index=column.indexes[order.column], conditions=conditions)

    def by_part(sql: list[str]) -> str:
        whens = " ".join(f"WHEN {number} THEN {each}" for number, each in enumerate(sql))
        return sql[0] if len(sql) == 1 else f"CASE part {whens} END"

    return MERGED_PAGE_BY_VALUES.format(
        values=path.values.format(value=f":{path.attribute}"),
        parts=" UNION ALL ".join(f"SELECT {number} AS part" for number in range(len(path.columns))),
        first_kind=by_part([kind_after(column, "chosen", "") for column in by_values.columns]),
        next_kind=by_part(
            [kind_after(column, "ranges", f" AND {source}.kind > ranges.kind") for column in by_values.columns]
        ),
        first=by_part([step_of(column, "ranges", at_start) for column in by_values.columns]),
        next=by_part([step_of(column, "merged", at_place) for column in by_values.columns]),
        kinds=kinds,
        repeats=path.repeats.format(value=f":{path.attribute}"),
        table=table,
        **shape,
    )


def merged_count(relation: Relation[Any], active: frozenset[str], parent: str) -> str:
    """The SELECT of one row for each of one parent's children, by values or by the facets."""
    facets, path = facets_of(relation), value_path_of(relation, active)
    picked = conditions_of(relation, active & facets.served, parent, None)
    read = active - facets.served - {path.attribute if path else None}
    rest = conditions_of(relation, read, parent, None, facets.served)
    if path is None:
        return COUNTED_COMBINATIONS.format(
            kinds=KIND_IDS.format(table=facets.table, conditions=" AND ".join(picked or ["TRUE"])),
            table=relation.record.table,
            index=facets.indexes[BY_DATE_CREATED.column],
            conditions=" AND ".join(rest or ["TRUE"]),
        )
    values = path.values.format(value=f":{path.attribute}")
    kinds = [f"kind IN ({KIND_IDS.format(table=facets.table, conditions=' AND '.join(picked))})"] if picked else []
    return "\n  UNION ALL ".join(
        COUNTED_VALUES.format(
            row="1" if path.table == relation.record.table else "DISTINCT sid",
            table=path.table,
            index=column.indexes[BY_DATE_CREATED.column],
            conditions=" AND ".join(
                filter(None, [f"{column.column} IN ({values})", column.counted.format(values=values), *kinds, *rest])
            ),
        )
        for column in path.columns
    )


def conditions_of(
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


def facets_of(relation: Relation[Any]) -> FacetTable:
    """The facets of the relation's table."""
    if relation.indexes.facets is None:
        raise TypeError(f"{relation.name} is read by facets, but {relation.record.table} has none.")
    return relation.indexes.facets


def _picked_combinations(
    relation: Relation[Any], order: Order, descending: bool, active: frozenset[str], parent: str
) -> str:
    """The SQL of the combinations that meet the filter, each with the positions between which its rows are read."""
    facets = facets_of(relation)
    low, low_sid, high, high_sid = ":after_key", ":after_sid", ":before_key", ":before_sid"
    if "date_created" in active and order.column == facets.lag:
        since, before = by_lag("since"), by_lag("before")
        low, low_sid = f"max({low}, {since})", f"iif({low} >= {since}, {low_sid}, '')"
        high, high_sid = f"min({high}, {before})", f"iif({high} <= {before}, {high_sid}, '')"
    start, end = ((high, high_sid), (low, low_sid)) if descending else ((low, low_sid), (high, high_sid))
    sql = PICKED_COMBINATIONS.format(start=start[0], start_sid=start[1], end=end[0], end_sid=end[1], table=facets.table)
    conditions = conditions_of(relation, active & facets.served, parent, None)
    return " WHERE ".join([sql, " AND ".join(conditions)] if conditions else [sql])
