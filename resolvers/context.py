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
from store.archive import Archive
from store.sqlite.reader import Reader
from store.sqlite.statements.access_paths import COUNT_CAP


class SyncFailure(NamedTuple):
    """Why and when the server's own sync last failed."""

    at: datetime
    sentence: str


def no_failure() -> SyncFailure | None:
    """For servers without a sync of their own."""
    return None


class Context:
    """A request's archive, loaders, access and ``upstream`` (Twilio; None without an account).

    ``introspection`` allows introspection. A totalCount is exact up to ``count_cap``. ``most_participants`` is the
    number of participants of the Session that has most, as far as it is known.
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
    ) -> None:
        self.archive = archive
        self.upstream = upstream
        self.access = access
        self.introspection = introspection
        self.count_cap = count_cap
        self.max_page_size = max_page_size
        self.sync_failure = sync_failure
        self.most_participants = most_participants

    @cached_property
    def reader(self) -> Reader:
        """The reader of the request's loads; plans need none."""
        return self.archive.operation_reader()

    @cached_property
    def loaders(self) -> Loaders:
        """The request's dataloaders; plans need none."""
        return Loaders(self.reader)

    async def release(self) -> None:
        """Cancels running reads, and ends the read transaction."""
        try:
            await self.loaders.cancel()
        finally:
            await self.reader.release()

    async def end(self) -> None:
        """Ends the operation: as ``release``, and refuses later loads."""
        self.loaders.close()
        await self.release()


Info: TypeAlias = strawberry.Info[Context, None]
