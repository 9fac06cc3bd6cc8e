"""List queries: a page of each parent's children, and the number of children.

Each is one statement for any number of parents, with any filter and order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from store.columns import Record
from store.engine.sql import Statement, json_list
from store.lists.access_paths import access_path_of
from store.lists.dialect import lists_of
from store.lists.facets import ends_by_lag
from store.lists.filters import Filter, Period
from store.lists.orders import BY_DATE_CREATED, END, NEVER, START, Order, Position
from store.lists.parent_pages import ListShape
from store.lists.relations import Relation

R = TypeVar("R", bound=Record)

PAGES = """
SELECT {pages} FROM (
  SELECT (
    SELECT {rows} FROM (
      {page}
    ) AS listed
  ) AS page FROM ({parents}) AS parent
) AS paged
""".strip()

COUNTS = "SELECT {counts} FROM (SELECT {count} AS number FROM ({parents}) AS parent) AS counted"

PARENT = "parent.value"
"""The SID of a parent, in these statements."""

COUNT_CAP = 100_000
"""How far children are counted, unless configured otherwise."""

UNLIMITED = 2**40
"""The limit of a page that has all rows."""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Parents' SIDs → the first (or, backwards, the last) ``limit`` children of each, between two positions.

    A relation of the root has one parent, None. Records come in the order given either path; ``limit`` None
    gives them all.
    """

    relation: Relation[R]
    limit: int | None = None
    backwards: bool = False
    after: Position | None = None
    before: Position | None = None
    order: Order = BY_DATE_CREATED
    filter: Filter | None = None

    is_versioned = True

    @property
    def sql(self) -> Statement:
        """See PAGES."""
        return page_statement(self.shape)

    @property
    def shape(self) -> ListShape:
        """What the SQL depends on."""
        after, before = self._bounds
        return ListShape(
            self.relation,
            self.order,
            self.order.descending != self.backwards,
            after is not None,
            before is not None,
            _active_names(self.filter),
        )

    @property
    def may_be_long(self) -> bool:
        """Whether it may take long, however few rows it returns."""
        return self.filter is not None and self.filter.may_be_long

    def parameters(self, keys: Sequence[str | None]) -> dict[str, Any]:
        """The parents as a JSON array, and what it binds beside them."""
        return {"parents": _json(keys), **self.bound()}

    def bound(self) -> dict[str, Any]:
        """The limit, the ends where there are any, and what the filter binds."""
        bound: dict[str, Any] = {"limit": UNLIMITED if self.limit is None else self.limit}
        after, before = self._bounds
        merged = access_path_of(self.relation, self.order, _active_names(self.filter)) is None
        if after or merged:
            bound["after_key"], bound["after_sid"] = after or START
        if before or merged:
            bound["before_key"], bound["before_sid"] = before or END
        if self.filter:
            bound |= self.filter.parameters()
            period = getattr(self.filter, "date_created", None)
            if merged and period:
                bound |= ends_by_lag(period)
        return bound

    @property
    def _bounds(self) -> tuple[Position | None, Position | None]:
        """The positions between which the page lies, ascending. A period of the order's own date narrows them."""
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
    cap: int = UNLIMITED

    is_versioned = True

    @property
    def sql(self) -> Statement:
        """See COUNTS."""
        return _count_statement(self.relation, self.active)

    @property
    def active(self) -> frozenset[str]:
        """The names of the active filters; the SQL depends on them."""
        return _active_names(self.filter)

    @property
    def may_be_long(self) -> bool:
        """Whether it may take long, however little it counts."""
        return self.filter is not None and self.filter.may_be_long

    def parameters(self, keys: Sequence[str | None]) -> dict[str, Any]:
        """The parents as a JSON array, and what it binds beside them."""
        return {"parents": _json(keys), **self.bound()}

    def bound(self) -> dict[str, Any]:
        """The cap, and what the filter binds."""
        return {"cap": self.cap, **(self.filter.parameters() if self.filter else {})}

    def answer(self, payload: bytes, keys: Sequence[str | None]) -> list[int]:
        """One count for each parent."""
        return msgspec.json.decode(payload, type=list[int])


@lru_cache(1_000)
def page_statement(shape: ListShape) -> Statement:
    """The statement of a Page."""
    columns = shape.relation.record.__struct_fields__
    return Statement(
        lambda dialect: PAGES.format(
            pages=dialect.as_bytes(json_list(dialect, "page")),
            rows=json_list(dialect, dialect.json_array(*columns)),
            page=lists_of(dialect).list_sql(shape, ", ".join(columns), PARENT),
            parents=dialect.values(":parents"),
        )
    )


@lru_cache(1_000)
def _count_statement(relation: Relation[Any], active: frozenset[str]) -> Statement:
    return Statement(
        lambda dialect: COUNTS.format(
            counts=dialect.as_bytes(json_list(dialect, dialect.json_value("number"))),
            count=lists_of(dialect).count_sql(relation, active, PARENT),
            parents=dialect.values(":parents"),
        )
    )


def _active_names(filter: Filter | None) -> frozenset[str]:
    return filter.active_names() if filter else frozenset()


@lru_cache
def _pages_decoder(record: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[list[record]])  # type: ignore[valid-type]


def _json(keys: Sequence[Any]) -> str:
    return msgspec.json.encode(keys).decode()
