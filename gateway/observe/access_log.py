"""The access log: one line for each request, with nothing personal in it.

The request log (request_log.py) writes many lines at a time: writing each through logging would take longer than a
small query.
"""

import logging
import time
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from gateway.http.operations import LONGEST_NAME
from gateway.observe.logs import LogSettings
from gateway.observe.request_log_entry import RequestLogEntry

PATHS = frozenset(("/", "/graphql", "/livez", "/readyz", "/metrics", "/callbacks/twilio"))
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
PROBES = frozenset(("/livez", "/readyz"))
ATOMIC_BYTES = 4_000
"""A write to a pipe is atomic up to PIPE_BUF (4,096) bytes, so the lines of several workers don't mix."""
THOUSANDTHS = [f".{number:03}Z" for number in range(1000)]
TENTHS = [f"{number / 10}" for number in range(1000)]
"""Common numbers as text: formatting them each time would take as long as the rest of the line."""

log = logging.getLogger("proxygraph.access")


class Line(msgspec.Struct):
    """A line in JSON."""

    time: str
    level: str
    logger: str
    method: str
    path: str
    status: int
    ms: float
    operation: str | None
    name: str | None
    key: str | None
    cost: int | None


class AccessLog:
    """Writes the lines to the logger ``proxygraph.access``, as the settings say."""

    def __init__(self, settings: LogSettings) -> None:
        self._on, self._as_json = settings.access_log, settings.log_format == "json"
        self._probes = settings.log_level == "DEBUG"
        self._second, self._time, self._since = 0, "", 0.0

    def write(self, entries: Iterable[RequestLogEntry]) -> None:
        """Writes a line for each entry, several lines in one record; lines for probes only at the level DEBUG."""
        if not self._on:
            return
        self._since = time.time() - time.perf_counter()
        piece: list[str] = []
        size = 0
        for entry in entries:
            if entry.path in PROBES and not self._probes:
                continue
            line = self._line(entry)
            if piece and size + len(line) >= ATOMIC_BYTES:
                log.info("%s", "\n".join(piece))
                piece, size = [], 0
            piece.append(line)
            size += len(line) + 1
        if piece:
            log.info("%s", "\n".join(piece))

    def _line(self, entry: RequestLogEntry) -> str:
        method = entry.method if entry.method in METHODS else "other"
        path = entry.path if entry.path in PATHS else "other"
        operation = entry.operation
        operation_type, cost = (operation.type, operation.cost) if operation else (None, None)
        name = operation.name[:LONGEST_NAME] if operation and operation.name else None
        at, ms = self._timestamp(self._since + entry.ended), entry.seconds * 1000
        if self._as_json:
            line = Line(
                *(at, "INFO", log.name, method, path, entry.status, round(ms, 1)),
                *(operation_type, name, entry.key, cost),
            )
            return msgspec.json.encode(line).decode()
        before, after = _line_without_duration(method, path, entry.status, operation_type, name, entry.key, cost)
        tenths = int(ms * 10 + 0.5)
        return at + before + (TENTHS[tenths] if tenths < len(TENTHS) else f"{ms:.1f}") + after

    def _timestamp(self, moment: float) -> str:
        second, thousandths = divmod(int(moment * 1000), 1000)
        if second != self._second:
            self._second, self._time = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return self._time + THOUSANDTHS[thousandths]


@lru_cache(1_000)
def _line_without_duration(
    method: str, path: str, status: int, operation: str | None, name: str | None, key: str | None, cost: int | None
) -> tuple[str, str]:
    """A line's text before and after its milliseconds, which many lines share."""
    values = {"operation": operation, "name": name, "key": key, "cost": cost}
    found = "".join(f" {what}={value}" for what, value in values.items() if value is not None)
    return f" INFO {log.name} method={method} path={path} status={status} ms=", found
