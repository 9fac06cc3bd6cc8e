"""Entries: what is told of an exchange in the metrics and the access log, and nothing that anybody wrote."""

import msgspec

from gateway.http import Exchange


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An exchange that ended at ``ended``, by time.perf_counter(), after so many ``milliseconds``."""

    ended: float
    milliseconds: float
    method: str
    path: str
    status: int
    key: str | None
    operation: str | None
    operation_name: str | None
    outcome: str | None
    cost: int | None
    seconds: float
    statements: int
    rows: int
    is_planned: bool


def entry_of(exchange: Exchange, ended: float) -> Entry:
    """The entry of an exchange that has just ended. It is small, so that what the exchange held can go at once."""
    return Entry(
        ended,
        (ended - exchange.begun) * 1000,
        exchange.method,
        exchange.path,
        exchange.status,
        exchange.access.name if exchange.access else None,
        exchange.operation,
        exchange.operation_name,
        exchange.outcome,
        exchange.cost,
        exchange.seconds,
        exchange.statements,
        exchange.rows,
        exchange.is_planned,
    )
