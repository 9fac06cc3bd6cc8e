"""The access log: a line for each request, of what may be known of it later; nothing that anybody wrote.

Lines are written a tenth of a second later and many at a time: one by one, through logging, they would cost more than
a small query does.
"""

import asyncio
import logging
import time
from functools import lru_cache
from typing import NamedTuple

import msgspec

from gateway.http import Exchange
from gateway.logs import LogSettings

PATHS = frozenset(("/", "/graphql", "/livez", "/readyz", "/metrics"))
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
PROBES = frozenset(("/livez", "/readyz"))
LONGEST_NAME = 64
FLUSHED_EVERY = 0.1
ATOMIC_BYTES = 4_000
"""A pipe takes so much from a process in one piece (PIPE_BUF is 4,096), so that workers' lines don't mix."""

log = logging.getLogger("proxygraph.access")


class Noted(NamedTuple):
    """What is noted of a request when it is answered: as little work as can be."""

    at: float
    method: str
    path: str
    status: int
    ms: float
    operation: str | None
    name: str | None
    key: str | None
    cost: int | None


class Line(msgspec.Struct):
    """A line for machines."""

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
    """Writes the lines, on the logger ``proxygraph.access``, by the settings."""

    def __init__(self, settings: LogSettings) -> None:
        self._on, self._for_machines = settings.access_log, settings.log_format == "json"
        self._probes = settings.log_level == "DEBUG"
        self._noted: list[Noted] = []
        self._second, self._time = 0, ""

    def write(self, exchange: Exchange) -> None:
        """Notes the request; a probe, which comes all the time, only where the level is DEBUG."""
        path = exchange.path
        if not self._on or (path in PROBES and not self._probes):
            return
        if not self._noted:
            asyncio.get_running_loop().call_later(FLUSHED_EVERY, self.flush)
        now, ms = time.time(), (time.perf_counter() - exchange.begun) * 1000
        access = exchange.access
        self._noted.append(
            Noted(
                *(now, exchange.method, path, exchange.status, ms, exchange.operation, exchange.operation_name),
                *(access.name if access else None, exchange.cost),
            )
        )

    def flush(self) -> None:
        """Writes what is noted, several lines in one record."""
        noted, self._noted = self._noted, []
        piece: list[str] = []
        size = 0
        for line in map(self._line, noted):
            if piece and size + len(line) >= ATOMIC_BYTES:
                log.info("%s", "\n".join(piece))
                piece, size = [], 0
            piece.append(line)
            size += len(line) + 1
        if piece:
            log.info("%s", "\n".join(piece))

    def _line(self, noted: Noted) -> str:
        method = noted.method if noted.method in METHODS else "other"
        path = noted.path if noted.path in PATHS else "other"
        name = noted.name[:LONGEST_NAME] if noted.name else None
        if self._for_machines:
            line = Line(
                *(self._at(noted.at), "INFO", log.name, method, path, noted.status, round(noted.ms, 1)),
                *(noted.operation, name, noted.key, noted.cost),
            )
            return msgspec.json.encode(line).decode()
        asked = _asked(method, path, noted.status)
        return f"{self._at(noted.at)}{asked}{noted.ms:.1f}{_found(noted.operation, name, noted.key, noted.cost)}"

    def _at(self, moment: float) -> str:
        second = int(moment)
        if second != self._second:
            self._second, self._time = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._time}.{int((moment - second) * 1000):03}Z"


@lru_cache(256)
def _asked(method: str, path: str, status: int) -> str:
    return f" INFO {log.name} method={method} path={path} status={status} ms="


@lru_cache(1_000)
def _found(operation: str | None, name: str | None, key: str | None, cost: int | None) -> str:
    told = {"operation": operation or None, "name": name, "key": key, "cost": cost}
    return "".join(f" {what}={value}" for what, value in told.items() if value is not None)
