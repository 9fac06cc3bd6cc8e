"""The SyncStatus type: how fresh the archive is."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import sync_status
from schema.fields import column, resolved
from schema.scalars import DateTime

if TYPE_CHECKING:
    from schema.services import Service


@strawberry.type(description="One run of the mirror: what it has read of Twilio, and what became of it.")
class SyncRun:
    """A view of store.sync_status.SyncStatus."""

    started_at: DateTime = column("When this run began to read.")
    finished_at: DateTime | None = column("When it ended; null while it is under way.")
    mode: str = column("What it reads: incremental skips sessions that look as they did, full skips none.")
    partial: bool = column("Whether it reads chosen Services only; such a run does not move lastCompletedAt.")
    sessions_pending: int = column("How many sessions are known to need reading and were not read yet.")
    new: int = column("How many rows Twilio had that the archive did not have yet.")
    changed: int = column("How many rows had changed at Twilio since they were last read.")
    unchanged: int = column("How many rows were read and found to be as they were.")
    archived: int = column("How many sessions were found to be taken by Twilio's retention and are only here now.")
    erased: int = column("How many interactions were erased since they were deleted at Twilio.")
    requests: int = column("How many requests it sent to Twilio, second tries among them.")
    retries: int = column("How many of its requests were second tries, after a 429 or a failure.")


@strawberry.type(
    description="How fresh one Service is in the archive: when it was last read whole, and what is still to be read."
)
class ServiceSync:
    """A view of store.sync_status.ServiceSync."""

    service: Annotated["Service", strawberry.lazy("schema.services")] = resolved(
        sync_status.service, "The Service whose freshness this is."
    )
    last_completed_at: DateTime | None = column("When all of it was last read; null where it never was.")
    lag_seconds: int | None = resolved(sync_status.lag_seconds, "How many seconds ago that was.")
    sessions_pending: int = column("How many of its sessions are known to need reading and were not read yet.")


@strawberry.type(
    description="A Session, or a Service, that could not be read though the rest could; each run tries it again."
)
class LeftOut:
    """A view of store.sync.left_out.LeftOut."""

    sid: strawberry.ID = column("The SID of the Session (KC) or Service (KS) that was left out.")
    service_sid: strawberry.ID = column("The SID of the Service that holds it: KS and 32 hexadecimal digits.")
    since: DateTime = column("The moment of the first run that could not read it.")
    error: str = column("Why: what Twilio answered the last time.")


@strawberry.type(
    description="How fresh the archive is: when it was last brought up to date from Twilio, and what goes on now."
)
class SyncStatus:
    """A view of store.sync_status.SyncStatus."""

    last_completed_at: DateTime | None = column("When a run was last completed; null where none ever was.")
    last_full_completed_at: DateTime | None = column(
        "When a full run was last completed: only a full one meets deletions in sessions that are quiet."
    )
    lag_seconds: int | None = resolved(sync_status.lag_seconds, "How many seconds ago a run was last completed.")
    running: bool = resolved(sync_status.running, "Whether a run is under way now.")
    last_error: str | None = resolved(
        sync_status.last_error, "Why the last run failed, or why the server can't begin one; null where neither is so."
    )
    run: SyncRun | None = resolved(sync_status.run, "The run that is under way, or else the last one.")
    services: list[ServiceSync] = column("The same, for each Service by itself.")
    left_out: list[LeftOut] = column("What could not be read and is tried again by each run: up to 100, oldest first.")
    left_out_count: int = column("How many Sessions and Services could not be read and are tried again by each run.")
