"""Live updates: the changes, the filters that select them, and the sync status, for the subscriptions of a process."""

from store.engine.protocols import Archive
from store.live.changes import Changes
from store.live.matching import Matching
from store.live.statuses import Statuses


class LiveUpdates:
    """The live updates of one archive, shared by all subscribers in this process."""

    def __init__(self, archive: Archive) -> None:
        self._commits = archive.commits()
        self.changes = Changes(archive, self._commits)
        self.matching = Matching(archive)
        self.statuses = Statuses(archive, self._commits)

    async def close(self) -> None:
        """Stops watching the archive."""
        await self.changes.stop()
        await self._commits.stop()
