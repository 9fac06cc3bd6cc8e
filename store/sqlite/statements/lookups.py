"""Queries: reads that one statement answers for many keys, and the simplest of them, Lookup: records by SID.

The answer is one row of JSON (see store/sqlite/connections.py). Column lists come from the records; values are bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from store.columns import Record
from store.sqlite.connections import rows_as_json

R = TypeVar("R", bound=Record)
K = TypeVar("K", contravariant=True)
V = TypeVar("V", covariant=True)

SELECT_BY_SIDS = "SELECT {rows} FROM {table} WHERE sid IN (SELECT value FROM json_each(:sids))"


class Query(Protocol[K, V]):
    """A read for many keys by one statement. Equal queries can share a statement."""

    @property
    def sql(self) -> str:
        """The statement."""
        ...

    @property
    def may_be_long(self) -> bool:
        """Whether it may take long, so that it needs a connection of its own and a time limit."""
        ...

    def parameters(self, keys: Sequence[K]) -> dict[str, Any]:
        """The values that the statement binds for these keys."""
        ...

    def answer(self, payload: bytes, keys: Sequence[K]) -> Sequence[V]:
        """Decodes the statement's one value into one answer for each key, in the keys' order."""
        ...


@dataclass(frozen=True, slots=True)
class Lookup(Generic[R]):
    """SIDs → their records, None where there is none."""

    record: type[R]

    @property
    def sql(self) -> str:
        """See SELECT_BY_SIDS."""
        return _lookup_sql(self.record)

    @property
    def may_be_long(self) -> bool:
        """No: the index leads straight to each."""
        return False

    def parameters(self, keys: Sequence[str]) -> dict[str, Any]:
        """The SIDs, as a JSON array."""
        return {"sids": _json(keys)}

    def answer(self, payload: bytes, keys: Sequence[str]) -> list[R | None]:
        """One record or None for each SID."""
        found: dict[str, R] = {row.sid: row for row in _rows_decoder(self.record).decode(payload)}
        return [found.get(key) for key in keys]


@lru_cache
def _lookup_sql(record: type[Record]) -> str:
    return SELECT_BY_SIDS.format(rows=rows_as_json(record.__struct_fields__), table=record.table)


@lru_cache
def _rows_decoder(record: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[record])  # type: ignore[valid-type]


def _json(keys: Sequence[Any]) -> str:
    return msgspec.json.encode(keys).decode()
