"""The sync's status, read by one statement: the last runs, and what was left out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from store.sync.left_out import LeftOut
from store.sync.runs import latest_plausible

HEARTBEAT_TIMEOUT_SECONDS = 30
"""A run that hasn't stored its progress for this long counts as ended, as after a crash."""

STATUS = """
SELECT CAST(json_object(
  'last_completed_at', (
    SELECT max(finished_at) FROM sync_run WHERE outcome = 'complete' AND NOT partial AND finished_at <= :latest
  ),
  'last_full_completed_at', (
    SELECT max(finished_at) FROM sync_run
    WHERE outcome = 'complete' AND mode = 'full' AND NOT partial AND finished_at <= :latest
  ),
  'last_callback_at', (SELECT iif(last_callback_at <= :latest, last_callback_at, NULL) FROM archive),
  'last_error', (SELECT CASE WHEN outcome IN ('failed', 'refused') THEN error END FROM sync_run
    WHERE outcome IS NOT NULL ORDER BY number DESC LIMIT 1),
  'started_at', run.started_at, 'alive_at', run.alive_at, 'finished_at', run.finished_at, 'mode', run.mode,
  'sessions_pending', run.sessions_pending, 'new', run.new, 'changed', run.changed, 'unchanged', run.unchanged,
  'archived', run.archived, 'erased', run.erased, 'requests', run.requests, 'retries', run.retries,
  'partial', json(iif(run.partial, 'true', 'false')), 'left_out_count', (SELECT count(*) FROM left_out),
  'left_out', (SELECT json_group_array(json_object('sid', sid, 'service_sid', service_sid, 'since', since,
      'error', error)) FROM (SELECT * FROM left_out ORDER BY since, sid LIMIT 100)),
  'services', (SELECT json_group_array(json_object('service_sid', service.sid,
      'last_completed_at', iif(completed_at <= :latest, completed_at, NULL),
      'sessions_pending', coalesce(service_sync.sessions_pending, 0)))
    FROM service LEFT JOIN service_sync ON service_sid = service.sid)
) AS BLOB)
FROM (SELECT 1) LEFT JOIN (SELECT * FROM sync_run ORDER BY number DESC LIMIT 1) AS run
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

    @property
    def sql(self) -> str:
        """See STATUS."""
        return STATUS

    @property
    def may_be_long(self) -> bool:
        """False: it reads a few small tables."""
        return False

    def parameters(self, keys: Sequence[None]) -> dict[str, Any]:
        """See runs.py for ``latest``: the statement ignores times in the future."""
        return {"latest": latest_plausible()}

    def answer(self, payload: bytes, keys: Sequence[None]) -> list[SyncStatus]:
        """The status, for each key."""
        return [msgspec.json.decode(payload, type=SyncStatus)] * len(keys)
