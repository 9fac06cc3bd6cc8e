"""The reads: records by SID, the first N children of each parent, and how many children each has.

Each is one statement for any number of keys, and each answers in one row of JSON (see store/sqlite.py).
Column lists come from the records, scopes from the relations, values are bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from store.columns import Record
from store.relations import Relation
from store.sqlite import rows_as_json, rows_as_json_text, texts_as_json

R = TypeVar("R", bound=Record)
K = TypeVar("K", contravariant=True)
V = TypeVar("V", covariant=True)

LOOKUP = "SELECT {rows} FROM {table} WHERE sid IN (SELECT value FROM json_each(:sids))"

PAGE = """
SELECT {pages} FROM (
  SELECT (
    SELECT {rows} FROM (
      {scopes}
      ORDER BY date_created {direction}, sid {direction} LIMIT :limit
    )
  ) AS page FROM json_each(:parents) AS parent
)
""".strip()
SCOPE = "SELECT {columns} FROM {table} WHERE {conditions}"
AFTER = "(date_created, sid) > (:after_date, :after_sid)"
BEFORE = "(date_created, sid) < (:before_date, :before_sid)"

COUNT = "SELECT CAST(json_group_array({counts}) AS BLOB) FROM json_each(:parents) AS parent"
SCOPE_COUNT = "(SELECT count(*) FROM {table} WHERE {scope})"


class Query(Protocol[K, V]):
    """A read of many keys at once. Equal queries can share a statement."""

    @property
    def sql(self) -> str:
        """The statement."""
        ...

    def parameters(self, keys: Sequence[K]) -> dict[str, Any]:
        """What the statement binds for these keys."""
        ...

    def answer(self, payload: bytes, keys: Sequence[K]) -> Sequence[V]:
        """The statement's one value, as one answer for each key, in the keys' order."""
        ...


class Position(NamedTuple):
    """A place in the order of a connection: just at a row that is, or was, there."""

    date_created: str
    sid: str


@dataclass(frozen=True, slots=True)
class Lookup(Generic[R]):
    """SIDs → their records, None where there is none."""

    record: type[R]

    @property
    def sql(self) -> str:
        """See LOOKUP."""
        return _lookup_sql(self.record)

    def parameters(self, keys: Sequence[str]) -> dict[str, Any]:
        """The SIDs, as a JSON array."""
        return {"sids": _json(keys)}

    def answer(self, payload: bytes, keys: Sequence[str]) -> list[R | None]:
        """One record or None for each SID."""
        found: dict[str, R] = {row.sid: row for row in _rows_decoder(self.record).decode(payload)}
        return [found.get(key) for key in keys]


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Parents' SIDs → the first (or, backwards, the last) ``limit`` children of each, between two positions.

    A relation of the root has one parent, None. Records come in ascending order either way; ``limit`` None
    gives them all.
    """

    relation: Relation[R]
    limit: int | None = None
    backwards: bool = False
    after: Position | None = None
    before: Position | None = None

    @property
    def sql(self) -> str:
        """See PAGE."""
        return _page_sql(self.relation, self.backwards, self.after is not None, self.before is not None)

    def parameters(self, keys: Sequence[str | None]) -> dict[str, Any]:
        """The parents as a JSON array, the limit, and the positions where given."""
        bound: dict[str, Any] = {"parents": _json(keys), "limit": -1 if self.limit is None else self.limit}
        if self.after:
            bound["after_date"], bound["after_sid"] = self.after
        if self.before:
            bound["before_date"], bound["before_sid"] = self.before
        return bound

    def answer(self, payload: bytes, keys: Sequence[str | None]) -> list[list[R]]:
        """One list of records for each parent."""
        pages: list[list[R]] = _pages_decoder(self.relation.record).decode(payload)
        if self.backwards:
            for page in pages:
                page.reverse()
        return pages


@dataclass(frozen=True, slots=True)
class Count(Generic[R]):
    """Parents' SIDs → how many children each has."""

    relation: Relation[R]

    @property
    def sql(self) -> str:
        """See COUNT."""
        return _count_sql(self.relation)

    def parameters(self, keys: Sequence[str | None]) -> dict[str, Any]:
        """The parents, as a JSON array."""
        return {"parents": _json(keys)}

    def answer(self, payload: bytes, keys: Sequence[str | None]) -> list[int]:
        """One count for each parent."""
        return msgspec.json.decode(payload, type=list[int])


@lru_cache
def _lookup_sql(record: type[Record]) -> str:
    return LOOKUP.format(rows=rows_as_json(record.__struct_fields__), table=record.table)


@lru_cache
def _page_sql(relation: Relation[Any], backwards: bool, after: bool, before: bool) -> str:
    columns = relation.record.__struct_fields__
    bounds = [AFTER] * after + [BEFORE] * before
    scopes = [
        SCOPE.format(
            columns=", ".join(columns),
            table=relation.record.table,
            conditions=" AND ".join([scope, *bounds]),
        )
        for scope in relation.scopes
    ]
    return PAGE.format(
        pages=texts_as_json("page"),
        rows=rows_as_json_text(columns),
        scopes="\n      UNION ALL ".join(scopes),
        direction="DESC" if backwards else "ASC",
    )


@lru_cache
def _count_sql(relation: Relation[Any]) -> str:
    table = relation.record.table
    return COUNT.format(counts=" + ".join(SCOPE_COUNT.format(table=table, scope=scope) for scope in relation.scopes))


@lru_cache
def _rows_decoder(record: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[record])  # type: ignore[valid-type]


@lru_cache
def _pages_decoder(record: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[list[record]])  # type: ignore[valid-type]


def _json(keys: Sequence[Any]) -> str:
    return msgspec.json.encode(keys).decode()
