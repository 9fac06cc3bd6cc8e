"""The sync's status, read by one statement: the last runs, and what was left out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from store.engine.sql import Dialect, Statement, json_flag, json_list, json_object
from store.sync.left_out import LeftOut
from store.sync.runs import latest_plausible

HEARTBEAT_TIMEOUT_SECONDS = 30
"""A run that hasn't stored its progress for this long counts as ended, as after a crash."""

STATUS = Statement(
    lambda dialect: f"""
SELECT {dialect.as_bytes(_status(dialect))}
FROM (SELECT 1) AS always LEFT JOIN (SELECT * FROM sync_run ORDER BY number DESC LIMIT 1) AS run ON TRUE
""".strip()
)
LAST_COMPLETED = """
(SELECT max(finished_at) FROM sync_run WHERE outcome = 'complete' AND NOT partial AND finished_at <= :latest)
""".strip()
LAST_FULL_COMPLETED = """
(SELECT max(finished_at) FROM sync_run
  WHERE outcome = 'complete' AND mode = 'full' AND NOT partial AND finished_at <= :latest)
""".strip()
LAST_CALLBACK = "(SELECT CASE WHEN last_callback_at <= :latest THEN last_callback_at END FROM archive)"
LAST_ERROR = """
(SELECT CASE WHEN outcome IN ('failed', 'refused') THEN error END FROM sync_run
  WHERE outcome IS NOT NULL ORDER BY number DESC LIMIT 1)
""".strip()
OF_RUN = (
    *("started_at", "alive_at", "finished_at", "mode", "sessions_pending", "new", "changed", "unchanged"),
    *("archived", "erased", "requests", "retries"),
)
"""The columns of the run in progress, or else of the last one."""
LEFT_OUT = "(SELECT {list} FROM (SELECT * FROM left_out ORDER BY since, sid LIMIT 100) AS first)"
SERVICES = """
(SELECT {list} FROM (
  SELECT service.sid AS service_sid, CASE WHEN completed_at <= :latest THEN completed_at END AS last_completed_at,
    coalesce(service_sync.sessions_pending, 0) AS sessions_pending
  FROM service LEFT JOIN service_sync ON service_sync.service_sid = service.sid
  ORDER BY service.date_created, service.sid
) AS each)
""".strip()


class ServiceSync(msgspec.Struct, frozen=True):
    """When a Service was last read completely, and how many of its Sessions must still be read."""

    service_sid: str
    last_completed_at: str | None
    sessions_pending: int


class SyncStatus(msgspec.Struct, frozen=True):
    """When runs were last completed, and the run in progress or else the last one."""

    last_completed_at: str | None
    last_full_completed_at: str | None
    last_callback_at: str | None
    last_error: str | None
    started_at: str | None
    alive_at: str | None
    finished_at: str | None
    mode: str | None
    services: list[ServiceSync]
    left_out: list[LeftOut]
    left_out_count: int
    partial: bool
    sessions_pending: int | None
    new: int | None
    changed: int | None
    unchanged: int | None
    archived: int | None
    erased: int | None
    requests: int | None
    retries: int | None

    def is_running(self) -> bool:
        """Whether a run is in progress: it has not ended, and has stored its progress lately."""
        if self.finished_at is not None or self.alive_at is None:
            return False
        silent = (datetime.now(UTC) - datetime.fromisoformat(self.alive_at)).total_seconds()
        return abs(silent) < HEARTBEAT_TIMEOUT_SECONDS


class StatusQuery(msgspec.Struct, frozen=True):
    """Reads the status; its keys are None."""

    may_be_long = False
    is_versioned = False  # A run stores its progress without changing an answer about the data.

    @property
    def sql(self) -> Statement:
        """See STATUS."""
        return STATUS

    def parameters(self, keys: Sequence[None]) -> dict[str, Any]:
        """See runs.py for ``latest``: the statement ignores times in the future."""
        return {"latest": latest_plausible()}

    def answer(self, payload: bytes, keys: Sequence[None]) -> list[SyncStatus]:
        """The status, for each key."""
        return [msgspec.json.decode(payload, type=SyncStatus)] * len(keys)


def _status(dialect: Dialect) -> str:
    values = {
        "last_completed_at": LAST_COMPLETED,
        "last_full_completed_at": LAST_FULL_COMPLETED,
        "last_callback_at": LAST_CALLBACK,
        "last_error": LAST_ERROR,
        **{name: f"run.{name}" for name in OF_RUN},
        "left_out_count": "(SELECT count(*) FROM left_out)",
    }
    return json_object(
        {name: dialect.json_value(value) for name, value in values.items()}
        | {
            "partial": json_flag("run.partial"),
            "left_out": LEFT_OUT.format(list=_objects(dialect, "sid", "service_sid", "since", "error")),
            "services": SERVICES.format(list=_objects(dialect, *ServiceSync.__struct_fields__)),
        }
    )


def _objects(dialect: Dialect, *columns: str) -> str:
    """The JSON text of an array of all rows, each an object of these columns."""
    return json_list(dialect, json_object({column: dialect.json_value(column) for column in columns}))
