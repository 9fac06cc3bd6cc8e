"""What every resolver of one request shares."""

from typing import TypeAlias

import strawberry

from resolvers.loaders import Loaders
from resolvers.upstream import Upstream
from store.archive import Archive


class Context:
    """One request's archive, loaders, Twilio (None where there is none) and actor; made afresh for each."""

    def __init__(self, archive: Archive, upstream: Upstream | None = None, actor: str = "anonymous") -> None:
        self.archive = archive
        self.upstream = upstream
        self.actor = actor
        self.reader = archive.reader()
        self.loaders = Loaders(self.reader)


Info: TypeAlias = strawberry.Info[Context, None]
