"""The SyncStatus type: how up to date the archive is."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import sync_status
from schema.fields import column, resolved
from schema.scalars import DateTime

if TYPE_CHECKING:
    from schema.services import Service


@strawberry.type(description="A run of the sync: what it read from Twilio, and what changed here.")
class SyncRun:
    """A view of store.sync.status.SyncStatus."""

    started_at: DateTime = column("When the run began to read from Twilio.")
    finished_at: DateTime | None = column("When the run ended; null while it is running.")
    mode: str = column("What the run reads: incremental skips unchanged sessions, full reads all.")
    partial: bool = column("Whether the run reads only some Services; such a run does not change lastCompletedAt.")
    sessions_pending: int = column("How many sessions must still be read.")
    new: int = column("How many rows were new to the archive.")
    changed: int = column("How many rows had changed at Twilio.")
    unchanged: int = column("How many rows had not changed.")
    archived: int = column(
        "How many sessions the run found deleted by Twilio's retention; now only this archive has them."
    )
    erased: int = column("How many interactions were erased because they were deleted at Twilio.")
    requests: int = column("How many requests the run sent to Twilio, retries included.")
    retries: int = column("How many of these requests were retries after a 429 or a failure.")


@strawberry.type(
    description="How up to date a Service is: when it was last read completely, and what must still be read."
)
class ServiceSync:
    """A view of store.sync.status.ServiceSync."""

    service: Annotated["Service", strawberry.lazy("schema.services")] = resolved(
        sync_status.service, "The Service that these figures describe."
    )
    last_completed_at: DateTime | None = column("When the Service was last read completely; null if it never was.")
    lag_seconds: int | None = resolved(
        sync_status.lag_seconds, "How many seconds ago the Service was last read completely."
    )
    sessions_pending: int = column("How many of its sessions must still be read.")


@strawberry.type(
    description="A Session or Service that could not be read, while the rest could; each run tries it again."
)
class LeftOut:
    """A view of store.sync.left_out.LeftOut."""

    sid: strawberry.ID = column("The SID of the Session (KC) or Service (KS) that could not be read.")
    service_sid: strawberry.ID = column("The SID of the Service that holds it: KS and 32 hexadecimal digits.")
    since: DateTime = column("When a run first could not read it.")
    error: str = column("Why it could not be read: Twilio's last answer.")


@strawberry.type(
    description="How up to date the archive is: when a sync was last completed, and whether one is running."
)
class SyncStatus:
    """A view of store.sync.status.SyncStatus."""

    last_completed_at: DateTime | None = column("When a run was last completed; null if none ever was.")
    last_full_completed_at: DateTime | None = column(
        "When a full run was last completed. Only full runs find deletions in unchanged sessions."
    )
    last_callback_at: DateTime | None = column(
        "When a callback of Twilio's about an interaction was last taken; null if none ever was."
    )
    lag_seconds: int | None = resolved(sync_status.lag_seconds, "How many seconds ago a run was last completed.")
    running: bool = resolved(sync_status.running, "Whether a run is in progress.")
    last_error: str | None = resolved(
        sync_status.last_error, "Why the last run that ended failed, or why the server can't start one; otherwise null."
    )
    run: SyncRun | None = resolved(sync_status.run, "The run in progress, or the last one.")
    services: list[ServiceSync] = column("How up to date each Service is.")
    left_out: list[LeftOut] = column(
        "The Sessions and Services that could not be read, up to 100, oldest first. Each run tries them again."
    )
    left_out_count: int = column("How many Sessions and Services could not be read.")
