"""The access log: a line for each request, of what may be known of it later; nothing that anybody wrote.

Lines are written a tenth of a second later and many at a time: one by one, through logging, they would cost more than
a small query does.
"""

import asyncio
import logging
import time

import msgspec

from gateway.http import Scope
from gateway.logs import LogSettings
from resolvers.access import Access

PATHS = frozenset(("/", "/graphql", "/livez", "/readyz", "/metrics"))
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
PROBES = frozenset(("/livez", "/readyz"))
LONGEST_NAME = 64
FLUSHED_EVERY = 0.1
ATOMIC_BYTES = 4_000
"""A pipe takes so much from a process in one piece (PIPE_BUF is 4,096), so that workers' lines don't mix."""

log = logging.getLogger("proxygraph.access")


class Entry:
    """What is found out about one request while it is answered."""

    __slots__ = ("access", "begun", "cost", "operation", "operation_name", "outcome", "status")

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.access: Access | None = None
        self.operation: str | None = None
        self.operation_name: str | None = None
        self.outcome: str | None = None
        self.cost: int | None = None
        self.status = 0


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
        self._lines: list[str] = []
        self._second, self._time = 0, ""

    def write(self, scope: Scope, entry: Entry) -> None:
        """Notes the request; a probe, which comes all the time, only where the level is DEBUG."""
        path = scope["path"]
        if not self._on or (path in PROBES and not self._probes):
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSHED_EVERY, self.flush)
        method = scope["method"] if scope["method"] in METHODS else "other"
        path = path if path in PATHS else "other"
        name = entry.operation_name[:LONGEST_NAME] if entry.operation_name else None
        key = entry.access.name if entry.access else None
        ms = round((time.perf_counter() - entry.begun) * 1000, 1)
        if self._for_machines:
            line = Line(
                *(self._now(), "INFO", log.name, method, path, entry.status, ms),
                *(entry.operation, name, key, entry.cost),
            )
            self._lines.append(msgspec.json.encode(line).decode())
            return
        text = f"{self._now()} INFO {log.name} method={method} path={path} status={entry.status} ms={ms}"
        if entry.operation:
            text += f" operation={entry.operation}"
        if name:
            text += f" name={name}"
        if key:
            text += f" key={key}"
        if entry.cost is not None:
            text += f" cost={entry.cost}"
        self._lines.append(text)

    def flush(self) -> None:
        """Writes what is noted, several lines in one record."""
        lines, self._lines = self._lines, []
        piece: list[str] = []
        size = 0
        for line in lines:
            if piece and size + len(line) >= ATOMIC_BYTES:
                log.info("%s", "\n".join(piece))
                piece, size = [], 0
            piece.append(line)
            size += len(line) + 1
        if piece:
            log.info("%s", "\n".join(piece))

    def _now(self) -> str:
        moment = time.time()
        second = int(moment)
        if second != self._second:
            self._second, self._time = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._time}.{int((moment - second) * 1000):03}Z"
