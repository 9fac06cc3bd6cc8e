"""The resolvers of syncStatus: how up to date the archive is."""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from datetime import UTC, datetime

import strawberry

from resolvers.context import Info, live_of
from resolvers.nodes import load_record
from store.services import Service
from store.sync.status import ServiceSync, StatusQuery, SyncStatus


def sync_status(info: Info) -> Awaitable[SyncStatus]:
    """``Query.syncStatus``."""
    return info.context.loaders.load(StatusQuery(), None)


async def sync_statuses(info: Info) -> AsyncGenerator[SyncStatus, None]:
    """``Subscription.syncStatus``: the status now, and then each other one."""
    last = None
    async with aclosing(live_of(info).statuses.follow()) as statuses:
        async for status in statuses:
            found = status, running(status), last_error(status, info)
            if found != last:
                last = found
                yield status


def running(parent: strawberry.Parent[SyncStatus]) -> bool:
    """``SyncStatus.running``."""
    return parent.is_running()


def last_error(parent: strawberry.Parent[SyncStatus], info: Info) -> str | None:
    """``SyncStatus.lastError``: the last run's error, or why the background sync could not start one since."""
    failure = info.context.sync_failure()
    if failure and (parent.finished_at is None or datetime.fromisoformat(parent.finished_at) < failure.at):
        return failure.sentence
    return parent.last_error


def run(parent: strawberry.Parent[SyncStatus]) -> SyncStatus | None:
    """``SyncStatus.run``: the run in progress, or else the last one; None before the first."""
    return parent if parent.started_at else None


def lag_seconds(parent: strawberry.Parent[SyncStatus]) -> int | None:
    """``SyncStatus.lagSeconds``, and ``ServiceSync.lagSeconds``."""
    return None if parent.last_completed_at is None else max(0, int(_age(parent.last_completed_at)))


def service(parent: strawberry.Parent[ServiceSync], info: Info) -> Awaitable[Service | None]:
    """``ServiceSync.service``."""
    return load_record(info, Service, parent.service_sid)


def _age(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
