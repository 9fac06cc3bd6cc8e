"""The access log: a line for each request, of what a person may know of it later; nothing that anybody wrote."""

import logging
import time
from typing import Any

from gateway.http import Scope
from resolvers.access import Access

PATHS = frozenset(("/", "/graphql", "/livez", "/readyz", "/metrics"))
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
PROBES = frozenset(("/livez", "/readyz"))
LONGEST_NAME = 64

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

    def write(self, scope: Scope) -> None:
        """Writes the line; probes, which come all the time, only at the level DEBUG."""
        level = logging.DEBUG if scope["path"] in PROBES else logging.INFO
        if not log.isEnabledFor(level):
            return
        fields: dict[str, Any] = {
            "method": scope["method"] if scope["method"] in METHODS else "other",
            "path": scope["path"] if scope["path"] in PATHS else "other",
            "operation": self.operation,
            "name": self.operation_name and self.operation_name[:LONGEST_NAME],
            "key": self.access and self.access.name,
            "status": self.status,
            "cost": self.cost,
            "ms": round((time.perf_counter() - self.begun) * 1000, 1),
        }
        line = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        log.log(level, line, extra={"fields": fields})
