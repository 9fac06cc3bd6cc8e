"""The reads of lists: a page of each parent's children, and how many children each has.

Each is one statement for any number of parents, whatever is filtered and however it is ordered. The statement depends
on which conditions there are, never on their values, which are bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from store.columns import Record
from store.filters import Filter, Period
from store.kinds import Kinds, periods_by_lag
from store.orders import BY_DATE_CREATED, END, NEVER, START, Order, Position
from store.relations import Relation, Way
from store.sqlite import rows_as_json_text, texts_as_json

R = TypeVar("R", bound=Record)

PAGES = """
SELECT {pages} FROM (
  SELECT (
    SELECT {rows} FROM (
      {page}
    )
  ) AS page FROM json_each(:parents) AS parent
)
""".strip()

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

COUNT = "SELECT CAST(json_group_array({count}) AS BLOB) FROM json_each(:parents) AS parent"
CAPPED = "(SELECT count(*) FROM (\n  {rows}\n  LIMIT :cap\n))"
COUNTED = "SELECT 1 FROM {table} INDEXED BY {index} WHERE {conditions}"
COUNTED_KINDS = (
    "SELECT 1 FROM ({kinds}) AS kinds CROSS JOIN {table} INDEXED BY {index} ON kind = kinds.id WHERE {conditions}"
)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Parents' SIDs → the first (or, backwards, the last) ``limit`` children of each, between two positions.

    A relation of the root has one parent, None. Records come in the order given either way; ``limit`` None
    gives them all.
    """

    relation: Relation[R]
    limit: int | None = None
    backwards: bool = False
    after: Position | None = None
    before: Position | None = None
    order: Order = BY_DATE_CREATED
    filter: Filter | None = None

    @property
    def sql(self) -> str:
        """See PAGES."""
        after, before = self._bounds
        return page_sql(
            self.relation,
            self.order,
            self.order.descending != self.backwards,
            after is not None,
            before is not None,
            _names(self.filter),
        )

    @property
    def may_be_long(self) -> bool:
        """Whether it may take long however few rows it gives."""
        return self.filter is not None and not self.filter.long.isdisjoint(self.filter.names())

    def parameters(self, keys: Sequence[str | None]) -> dict[str, Any]:
        """The parents as a JSON array, the limit, the positions where given, and what the filter binds."""
        bound: dict[str, Any] = {"parents": _json(keys), "limit": -1 if self.limit is None else self.limit}
        after, before = self._bounds
        merged = way_of(self.relation, self.order, _names(self.filter)) is None
        if after or merged:
            bound["after_key"], bound["after_sid"] = after or START
        if before or merged:
            bound["before_key"], bound["before_sid"] = before or END
        if self.filter:
            bound |= self.filter.parameters()
            period = getattr(self.filter, "date_created", None)
            if merged and period:
                bound["periods"] = _json(periods_by_lag(period))
        return bound

    @property
    def _bounds(self) -> tuple[Position | None, Position | None]:
        """The positions that the page lies between, ascending; in its own order, a period is just two more."""
        after, before = (self.before, self.after) if self.order.descending else (self.after, self.before)
        period = getattr(self.filter, self.order.column, None)
        if isinstance(period, Period):
            since, until = period.ends
            after = max(after or START, Position(NEVER, END.sid) if self.order.nullable else START, Position(since, ""))
            before = min(before or END, Position(until, ""))
        return after, before

    def answer(self, payload: bytes, keys: Sequence[str | None]) -> list[list[R]]:
        """One list of records for each parent."""
        pages: list[list[R]] = _pages_decoder(self.relation.record).decode(payload)
        if self.backwards:
            for page in pages:
                page.reverse()
        return pages


@dataclass(frozen=True, slots=True)
class Count(Generic[R]):
    """Parents' SIDs → how many children each has, counted up to ``cap``."""

    relation: Relation[R]
    filter: Filter | None = None
    cap: int = -1

    @property
    def sql(self) -> str:
        """See COUNT."""
        return _count_sql(self.relation, _names(self.filter))

    @property
    def may_be_long(self) -> bool:
        """Whether it may take long, however little it counts."""
        return self.filter is not None and not self.filter.long.isdisjoint(self.filter.names())

    def parameters(self, keys: Sequence[str | None]) -> dict[str, Any]:
        """The parents as a JSON array, the cap, and what the filter binds."""
        return {"parents": _json(keys), "cap": self.cap, **(self.filter.parameters() if self.filter else {})}

    def answer(self, payload: bytes, keys: Sequence[str | None]) -> list[int]:
        """One count for each parent."""
        return msgspec.json.decode(payload, type=list[int])


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


@lru_cache(1_000)
def page_sql(
    relation: Relation[Any], order: Order, descending: bool, after: bool, before: bool, names: frozenset[str]
) -> str:
    """The statement of a Page."""
    columns = relation.record.__struct_fields__
    page = list_sql(relation, order, descending, after, before, names, ", ".join(columns))
    return PAGES.format(pages=texts_as_json("page"), rows=rows_as_json_text(columns), page=page)


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
        since, before = (f"json_extract(:periods, '$[' || (lag + 1) || '][{end}]')" for end in (0, 1))
        low, low_sid = f"max({low}, {since})", f"iif({low} >= {since}, {low_sid}, '')"
        high, high_sid = f"min({high}, {before})", f"iif({high} <= {before}, {high_sid}, '')"
    start, end = ((high, high_sid), (low, low_sid)) if descending else ((low, low_sid), (high, high_sid))
    sql = KINDS.format(start=start[0], start_sid=start[1], end=end[0], end_sid=end[1], table=kinds.table)
    conditions = _conditions(relation, names & kinds.served, parent, None)
    return " WHERE ".join([sql, " AND ".join(conditions)] if conditions else [sql])


@lru_cache(1_000)
def _count_sql(relation: Relation[Any], names: frozenset[str]) -> str:
    return COUNT.format(count=count_sql(relation, names))


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


def _names(filter: Filter | None) -> frozenset[str]:
    return filter.names() if filter else frozenset()


@lru_cache
def _pages_decoder(record: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[list[record]])  # type: ignore[valid-type]


def _json(keys: Sequence[Any]) -> str:
    return msgspec.json.encode(keys).decode()
