"""What both kinds of targets share: the copy's progress, and what a target can do.

The progress is a row in a table of the target, and is written in the same transaction as the rows that it counts. So a
copy that was killed continues. The row also shows that the copy isn't finished, and has the statements that finish it:
triggers and most indexes are dropped while rows are written, and made again when all are there. Building
an index at once takes a fraction of the time of adding each entry.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from store.copying.states import ArchiveState
from store.copying.tables import OF_ARCHIVE, TABLES, Table, TableRows
from store.engine.database import Database
from store.errors import CopyRefused, DatabaseOccupied
from store.postgresql.opening import UNFINISHED

CREATE = f"""
CREATE TABLE {UNFINISHED} (
  epoch text NOT NULL, state text NOT NULL, done text NOT NULL, steps text NOT NULL, begun_at text NOT NULL
)
""".strip()
BEGIN = f"INSERT INTO {UNFINISHED} VALUES (:epoch, :state, :done, :steps, :begun_at)"
PROGRESS = f"SELECT epoch, state, done FROM {UNFINISHED}"
STEPS = f"SELECT steps FROM {UNFINISHED}"
NOTE = f"UPDATE {UNFINISHED} SET done = :done WHERE done = :before"
NOTE_STEPS = f"UPDATE {UNFINISHED} SET steps = :steps WHERE steps = :before"
FINISH = f"DROP TABLE {UNFINISHED}"
ANY_ROW = "SELECT " + " OR ".join(
    f"EXISTS (SELECT 1 FROM {table.name})" for table in TABLES if not table.name.endswith("_kind")
)
SET_ARCHIVE = f"UPDATE archive SET {', '.join(f'{name} = :{name}' for name in OF_ARCHIVE)}"
EMPTY_FEED = (
    """
UPDATE change_feed SET dropped = (SELECT coalesce(max(number), (SELECT dropped FROM change_feed)) FROM change)
""".strip(),
    "DELETE FROM change",
)
"""The target's feed begins when the copy is complete, with the next change."""

Done = dict[str, list[Any]]
"""The key of the last row that was copied, by table."""


class CopyProgress(msgspec.Struct):
    """How far a copy is: the last keys that were copied, of the archive ``epoch`` in its state ``state``."""

    epoch: str
    state: str
    done: Done


class Target(Protocol):
    """A target that is being written. Each method is one transaction, and raises a StoreError."""

    async def progress(self) -> CopyProgress | None:
        """The progress of an unfinished copy; None if the target is empty. Raises DatabaseOccupied if it isn't."""
        ...

    async def begin(self, progress: CopyProgress) -> None:
        """Removes all that an unfinished copy has brought, and begins one with this progress."""
        ...

    async def write(self, table: Table, rows: Sequence[TableRows], before: Done, done: Done) -> None:
        """Writes rows, and ``done`` in the place of ``before``. Raises CopyRefused if another copy has written it."""
        ...

    async def set_archive(self, values: dict[str, Any]) -> None:
        """Writes the columns OF_ARCHIVE."""
        ...

    def build(self) -> AsyncIterator[int]:
        """Makes the indexes, keys and triggers that are still missing; yields how many are left to make."""
        ...

    def state(self) -> AbstractAsyncContextManager[ArchiveState]:
        """Its present state, for the comparison."""
        ...

    async def discard(self) -> None:
        """Removes all that an unfinished copy has brought. Nothing else of the target may be used after this.

        Raises DatabaseOccupied if it is complete by now.
        """
        ...

    def finish(self, source: str) -> AsyncIterator[tuple[int, int]]:
        """Makes the complete copy an archive that can be opened; yields how much of the cleaning is done, of how much.

        It has a record of ``source``, the name of the archive that it was copied from. Raises DatabaseOccupied if a
        file has the target's name by now.
        """
        ...


def dumped(value: object) -> str:
    """The JSON text of a progress."""
    return msgspec.json.encode(value).decode()


def occupied(target: Database) -> DatabaseOccupied:
    """The error of a target that has rows."""
    return DatabaseOccupied(f"{target} is not empty, and a copy would mix two archives. Name another target.")


def overtaken(target: Database) -> CopyRefused:
    """The error of a copy whose target another one writes."""
    return CopyRefused(
        f"Another copy into {target} is running, or has overtaken this one. Let it finish, or stop it and run this "
        "command again."
    )
