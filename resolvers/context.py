"""What every resolver of one request shares."""

from typing import TypeAlias

import strawberry

from resolvers.loaders import Loaders
from store.archive import Archive


class Context:
    """One request's archive, loaders and actor; made afresh for each, inside a running event loop."""

    def __init__(self, archive: Archive, actor: str = "anonymous") -> None:
        self.archive = archive
        self.actor = actor
        self.reader = archive.reader()
        self.loaders = Loaders(self.reader)


Info: TypeAlias = strawberry.Info[Context, None]
