"""The SQL of lists: one parent's page, or how many children it has, read off the index that fits the question.

A statement depends on which conditions there are, never on their values, which are bound.
"""

from typing import Any

from store.lists.facets import Kinds, by_lag
from store.lists.orders import BY_DATE_CREATED, Order
from store.lists.relations import Relation, Way

PAGE = "{scopes}\n      ORDER BY {key} {direction}, sid {direction} LIMIT :limit"
SCOPE = "SELECT {columns} FROM {table} INDEXED BY {index} WHERE {conditions}"
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
KINDS = "SELECT id, {start} AS start_key, {start_sid} AS start_sid, {end} AS end_key, {end_sid} AS end_sid FROM {table}"
STEP = """
coalesce((SELECT {key} || sid FROM {table} INDEXED BY {index} WHERE {conditions}
          ORDER BY {key} {direction}, sid {direction} LIMIT 1), '{none}')
""".strip()
"""The place (the key, 24 characters long, and the sid) of a kind's next row; past its last one what sorts last."""

COUNT_CAP = 100_000
"""How far children are counted, unless told otherwise."""

CAPPED = "(SELECT count(*) FROM (\n  {rows}\n  LIMIT :cap\n))"
COUNTED = "SELECT 1 FROM {table} INDEXED BY {index} WHERE {conditions}"
COUNTED_KINDS = (
    "SELECT 1 FROM ({kinds}) AS kinds CROSS JOIN {table} INDEXED BY {index} ON kind = kinds.id WHERE {conditions}"
)


def way_of(relation: Relation[Any], order: Order, names: frozenset[str]) -> Way | None:
    """The way into the table that these conditions and this order leave; None where it is by the kinds."""
    indexes, attributes = relation.indexes, {None, relation.parent, *names}
    for way in indexes.narrow:
        if way.attribute in attributes:
            return way
    kinds = indexes.kinds
    if kinds and (names & kinds.served - {"service_sid"} or order.column != BY_DATE_CREATED.column):
        return None
    return next(way for way in indexes.wide if way.attribute in attributes)


def list_sql(
    relation: Relation[Any],
    order: Order,
    descending: bool,
    after: bool,
    before: bool,
    names: frozenset[str],
    columns: str,
    parent: str = "parent.value",
) -> str:
    """The SELECT of ``columns`` of one parent's page; ``descending`` is how it is read, not how it is shown."""
    way = way_of(relation, order, names)
    shape = {"key": order.key, "direction": "DESC" if descending else "ASC", "columns": columns}
    if way is None:
        return _merged(relation, order, descending, names, parent, shape)
    bounds = [AFTER.format(**shape)] * after + [BEFORE.format(**shape)] * before
    conditions = [*_conditions(relation, names - {order.column}, parent, way.attribute), *bounds]
    scopes = _scopes(way, relation, names, parent, conditions, SCOPE, columns)
    return PAGE.format(scopes="\n      UNION ALL ".join(scopes), **shape)


def _scopes(
    way: Way,
    relation: Relation[Any],
    names: frozenset[str],
    parent: str,
    conditions: list[str],
    each: str,
    columns: str,
) -> list[str]:
    value = parent if way.attribute == relation.parent else f":{way.attribute}"
    return [
        each.format(
            columns=columns,
            table=relation.record.table,
            index=scope.index_name,
            conditions=" AND ".join([scope.condition.format(value=value), *conditions]),
        )
        for scope in way.scopes
    ]


def _merged(
    relation: Relation[Any],
    order: Order,
    descending: bool,
    names: frozenset[str],
    parent: str,
    shape: dict[str, str],
) -> str:
    kinds = _kinds(relation)
    shape |= {"none": "" if descending else "~", "table": relation.record.table, "index": kinds.indexes[order.column]}
    rest = _conditions(relation, names - kinds.served - {order.column}, parent, None, kinds.served)
    ahead, behind = ("<", ">") if descending else (">", "<")
    bounds = [f"({order.key}, sid) {ahead} ({{}})", f"({order.key}, sid) {behind} (end_key, end_sid)"]

    def step(kind: str, place: str) -> str:
        conditions = [f"{relation.record.table}.kind = {kind}", bounds[0].format(place), bounds[1], *rest]
        return STEP.format(conditions=" AND ".join(conditions), **shape)

    return MERGED_PAGE.format(
        first=step("id", "start_key, start_sid"),
        next=step("merged.kind", "substr(place, 1, 24), substr(place, 25)"),
        kinds=_picked_kinds(relation, order, descending, names, parent),
        **shape,
    )


def _picked_kinds(relation: Relation[Any], order: Order, descending: bool, names: frozenset[str], parent: str) -> str:
    """The kinds that the filter leaves, each with the places that its rows are read from and up to."""
    kinds = _kinds(relation)
    low, low_sid, high, high_sid = ":after_key", ":after_sid", ":before_key", ":before_sid"
    if "date_created" in names and order.column == kinds.lag:
        since, before = by_lag("since"), by_lag("before")
        low, low_sid = f"max({low}, {since})", f"iif({low} >= {since}, {low_sid}, '')"
        high, high_sid = f"min({high}, {before})", f"iif({high} <= {before}, {high_sid}, '')"
    start, end = ((high, high_sid), (low, low_sid)) if descending else ((low, low_sid), (high, high_sid))
    sql = KINDS.format(start=start[0], start_sid=start[1], end=end[0], end_sid=end[1], table=kinds.table)
    conditions = _conditions(relation, names & kinds.served, parent, None)
    return " WHERE ".join([sql, " AND ".join(conditions)] if conditions else [sql])


def count_sql(relation: Relation[Any], names: frozenset[str], parent: str = "parent.value") -> str:
    """The expression that counts one parent's children, up to ``:cap``."""
    way = way_of(relation, BY_DATE_CREATED, names)
    if way is not None:
        conditions = _conditions(relation, names, parent, way.attribute)
        scopes = _scopes(way, relation, names, parent, conditions, COUNTED, "")
        return CAPPED.format(rows="\n  UNION ALL ".join(scopes))
    kinds = _kinds(relation)
    picked = _conditions(relation, names & kinds.served, parent, None)
    conditions = _conditions(relation, names - kinds.served, parent, None, kinds.served) or ["TRUE"]
    rows = COUNTED_KINDS.format(
        kinds=f"SELECT id FROM {kinds.table} WHERE {' AND '.join(picked)}",
        table=relation.record.table,
        index=kinds.indexes[BY_DATE_CREATED.column],
        conditions=" AND ".join(conditions),
    )
    return CAPPED.format(rows=rows)


def _conditions(
    relation: Relation[Any],
    names: frozenset[str],
    parent: str,
    met: str | None,
    served: frozenset[str] = frozenset(),
) -> list[str]:
    """The SQL of the conditions, the parent's too, but the one that a way has ``met`` or that kinds have ``served``."""
    conditions = []
    if relation.parent is not None and relation.parent != met and relation.parent not in served:
        conditions.append(relation.conditions[relation.parent].format(value=parent))
    if met in names and met == relation.parent:
        conditions.append(relation.conditions[met].format(value=f":{met}"))
    others = sorted(names - {met})
    return conditions + [relation.conditions[name].format(value=f":{name}") for name in others]


def _kinds(relation: Relation[Any]) -> Kinds:
    if relation.indexes.kinds is None:
        raise TypeError(f"{relation.name} is read by kinds, but {relation.record.table} has none.")
    return relation.indexes.kinds
