"""Everything of one archive that can be followed live."""

from store.engine.protocols import Archive
from store.live.changes import Changes
from store.live.matching import Matching
from store.live.statuses import Statuses


class Live:
    """What has just changed in one archive: one for each process, shared by all that follow it."""

    def __init__(self, archive: Archive) -> None:
        self._commits = archive.commits()
        self.changes = Changes(archive, self._commits)
        self.matching = Matching(archive)
        self.statuses = Statuses(archive, self._commits)

    async def close(self) -> None:
        """Stops watching the archive."""
        await self.changes.stop()
        await self._commits.stop()
