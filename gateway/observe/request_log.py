"""The request log: buffers an entry for each answered request, and flushes them to the metrics and the access log.

Entries are written in batches, every tenth of a second, which takes a fifth of the time of writing them one by one.
"""

import asyncio
import time

from gateway.http.exchange import Exchange
from gateway.http.operations import Operation
from gateway.observe.access_log import AccessLog
from gateway.observe.metrics import count
from gateway.observe.request_log_entry import RequestLogEntry, request_log_entry
from resolvers.access import Access

FLUSH_SECONDS = 0.1


class RequestLog:
    """Buffers the entries of FLUSH_SECONDS."""

    def __init__(self, access_log: AccessLog) -> None:
        self._access_log = access_log
        self._entries: list[RequestLogEntry] = []

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange that has just ended."""
        self._add(request_log_entry(exchange, time.perf_counter()))

    def add_operation(self, exchange: Exchange, access: Access, operation: Operation) -> None:
        """Adds an operation that ended on a WebSocket, whose handshake is ``exchange``."""
        ended = time.perf_counter()
        path, status = exchange.path, exchange.status
        self._add(RequestLogEntry(ended, operation.seconds, exchange.method, path, status, access.name, operation))

    def _add(self, entry: RequestLogEntry) -> None:
        if not self._entries:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        self._entries.append(entry)

    def flush(self) -> None:
        """Flushes the entries to the metrics and the access log."""
        entries, self._entries = self._entries, []
        count(entries)
        self._access_log.write(entries)
