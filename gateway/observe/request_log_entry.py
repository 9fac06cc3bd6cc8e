"""An entry of the request log: the facts of one exchange for the metrics and the access log, nothing personal."""

import msgspec

from gateway.http.exchange import Exchange
from gateway.http.operations import Operation


class RequestLogEntry(msgspec.Struct, frozen=True, gc=False):
    """An exchange that ended at ``ended``, by time.perf_counter(), after so many ``seconds``."""

    ended: float
    seconds: float
    method: str
    path: str
    status: int
    key: str | None
    operation: Operation | None


def request_log_entry(exchange: Exchange, ended: float) -> RequestLogEntry:
    """The entry of an exchange that has just ended. It is small, so that the exchange's own memory is freed at once."""
    access = exchange.access
    return RequestLogEntry(
        ended,
        ended - exchange.begun,
        exchange.method,
        exchange.path,
        exchange.status,
        access.name if access else None,
        exchange.operation,
    )
