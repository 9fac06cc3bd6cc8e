"""Entries: what is told of an exchange in the metrics and the access log, and nothing that anybody wrote."""

import msgspec

from gateway.http.exchange import Exchange
from gateway.http.operations import Operation


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An exchange that ended at ``ended``, by time.perf_counter(), after so many ``seconds``."""

    ended: float
    seconds: float
    method: str
    path: str
    status: int
    key: str | None
    operation: Operation | None


def entry_of(exchange: Exchange, ended: float) -> Entry:
    """The entry of an exchange that has just ended. It is small, so that what the exchange held can go at once."""
    access = exchange.access
    return Entry(
        ended,
        ended - exchange.begun,
        exchange.method,
        exchange.path,
        exchange.status,
        access.name if access else None,
        exchange.operation,
    )
