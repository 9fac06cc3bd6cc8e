"""What every resolver of one request shares."""

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
    """Why the server's own sync failed the last time that it was its turn, and when that was."""

    at: datetime
    sentence: str


def no_failure() -> SyncFailure | None:
    """Where no sync runs beside the server."""
    return None


class Context:
    """One request's archive, loaders, Twilio (None where there is none) and access; made afresh for each.

    ``introspection`` says whether the schema may be asked for. A totalCount is exact up to
    ``count_cap``.
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
    ) -> None:
        self.archive = archive
        self.upstream = upstream
        self.access = access
        self.introspection = introspection
        self.count_cap = count_cap
        self.max_page_size = max_page_size
        self.sync_failure = sync_failure

    @cached_property
    def reader(self) -> Reader:
        """What the request's loads read by; a plan needs none."""
        return self.archive.operation_reader()

    @cached_property
    def loaders(self) -> Loaders:
        """The request's loads; a plan needs none."""
        return Loaders(self.reader)

    async def let_go(self) -> None:
        """Ends what is still being read, and what has been seen of the archive."""
        try:
            await self.loaders.give_up()
        finally:
            await self.reader.let_go()

    async def end(self) -> None:
        """The same at the end of the operation."""
        self.loaders.close()
        await self.let_go()


Info: TypeAlias = strawberry.Info[Context, None]
