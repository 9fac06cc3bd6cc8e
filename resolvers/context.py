"""What every resolver of one request shares."""

from typing import TypeAlias

import strawberry

from resolvers.loaders import Loaders
from resolvers.paging import MAX_PAGE_SIZE
from resolvers.upstream import Upstream
from store.archive import Archive

COUNT_CAP = 100_000


class Context:
    """One request's archive, loaders, Twilio (None where there is none) and actor; made afresh for each.

    A totalCount is exact up to ``count_cap``.
    """

    def __init__(
        self,
        archive: Archive,
        upstream: Upstream | None = None,
        actor: str = "anonymous",
        count_cap: int = COUNT_CAP,
        max_page_size: int = MAX_PAGE_SIZE,
    ) -> None:
        self.archive = archive
        self.upstream = upstream
        self.actor = actor
        self.count_cap = count_cap
        self.max_page_size = max_page_size
        self.reader = archive.reader()
        self.loaders = Loaders(self.reader)


Info: TypeAlias = strawberry.Info[Context, None]
