"""An entry of the request log: the facts of one exchange for the metrics and the access log, nothing personal."""

import msgspec

from gateway.http.exchange import Exchange
from gateway.http.operations import Operation


class RequestLogEntry(msgspec.Struct, frozen=True, gc=False):
    """An exchange that took ``seconds`` and ended at ``ended``, a time of time.perf_counter()."""

    ended: float
    seconds: float
    method: str
    path: str
    status: int
    key: str | None
    operation: Operation | None


def request_log_entry(exchange: Exchange, ended: float) -> RequestLogEntry:
    """The entry of an exchange that has just ended. It doesn't refer to the exchange, whose memory can be freed."""
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
