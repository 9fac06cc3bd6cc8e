"""The simplest query: records by their SIDs. Column lists come from the records; values are bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from store.columns import Record
from store.engine.sql import Statement, json_list

R = TypeVar("R", bound=Record)

SELECT_BY_SIDS = "SELECT {rows} FROM {table} WHERE sid IN ({sids})"


@dataclass(frozen=True, slots=True)
class Lookup(Generic[R]):
    """SIDs → their records, None where there is none."""

    record: type[R]

    may_be_long = False
    is_versioned = True

    @property
    def sql(self) -> Statement:
        """See SELECT_BY_SIDS."""
        return _statement(self.record)

    def parameters(self, keys: Sequence[str]) -> dict[str, Any]:
        """The SIDs, as a JSON array."""
        return {"sids": msgspec.json.encode(keys).decode()}

    def answer(self, payload: bytes, keys: Sequence[str]) -> list[R | None]:
        """One record or None for each SID."""
        found: dict[str, R] = {row.sid: row for row in _rows_decoder(self.record).decode(payload)}
        return [found.get(key) for key in keys]


@lru_cache
def _statement(record: type[Record]) -> Statement:
    return Statement(
        lambda dialect: SELECT_BY_SIDS.format(
            rows=dialect.as_bytes(json_list(dialect, dialect.json_array(*record.__struct_fields__))),
            table=record.table,
            sids=dialect.values(":sids"),
        )
    )


@lru_cache
def _rows_decoder(record: type[Record]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
