"""The context that all resolvers of a request share."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, TypeAlias

import strawberry

from resolvers.access import ANYBODY, Access
from resolvers.arguments.paging import MAX_PAGE_SIZE
from resolvers.loaders import Loaders
from resolvers.upstream import Upstream
from store.engine.protocols import Archive, Reader
from store.live.updates import LiveUpdates
from store.queries.pages import COUNT_CAP


class SyncFailure(NamedTuple):
    """When and why the server's background sync last failed."""

    at: datetime
    sentence: str


def no_failure() -> SyncFailure | None:
    """The ``sync_failure`` of servers that don't sync."""
    return None


class Context:
    """A request's archive, loaders, access and ``upstream`` (Twilio; None without an account).

    ``introspection`` allows introspection. ``count_cap`` is the largest totalCount. ``most_participants`` is the last
    known length of the longest ``Session.participants``. ``live`` is what subscriptions follow.
    """

    def __init__(
        self,
        archive: Archive,
        upstream: Upstream | None = None,
        access: Access = ANYBODY,
        introspection: bool = True,
        count_cap: int = COUNT_CAP,
        max_page_size: int = MAX_PAGE_SIZE,
        sync_failure: Callable[[], SyncFailure | None] = no_failure,
        most_participants: int = 0,
        live: LiveUpdates | None = None,
    ) -> None:
        self.archive = archive
        self.upstream = upstream
        self.access = access
        self.introspection = introspection
        self.count_cap = count_cap
        self.max_page_size = max_page_size
        self.sync_failure = sync_failure
        self.most_participants = most_participants
        self.live = live

    @cached_property
    def reader(self) -> Reader:
        """The reader of the request's dataloaders; compiled plans don't use it."""
        return self.archive.operation_reader()

    @cached_property
    def loaders(self) -> Loaders:
        """The request's dataloaders; compiled plans don't use them."""
        return Loaders(self.reader)

    async def release(self) -> None:
        """Cancels running reads, and ends the read transaction."""
        try:
            await self.loaders.cancel()
        finally:
            await self.reader.release()

    async def end(self) -> None:
        """Ends the operation: like ``release``, and cancels later loads."""
        self.loaders.close()
        await self.release()


Info: TypeAlias = strawberry.Info[Context, None]


def live_of(info: Info) -> LiveUpdates:
    """What subscriptions follow. Only servers have it, since nothing else runs subscriptions."""
    if info.context.live is None:
        raise RuntimeError("Expected a server's context, but this one follows nothing.")
    return info.context.live
