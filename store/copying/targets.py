"""The target of a copy: an empty archive of the other engine, which nobody can open before the copy is complete.

Until then a file has another name, and a database of PostgreSQL has a table that says so. The target also has the
copy's progress, written in the transaction of the rows it speaks for, so a copy that was killed continues.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from store.archive import open_archive
from store.copying.tables import OTHERS, RECORDS
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import DatabaseOccupied
from store.postgresql.archive import open_database
from store.postgresql.opening import UNFINISHED
from store.sqlite.copies.unfinished import sync_to_disk
from store.sqlite.files import resolved
from store.sqlite.opening import lock_of

SEARCH_SECONDS = 5.0
CREATE = f"CREATE TABLE {UNFINISHED} (epoch text NOT NULL, state text NOT NULL, done text NOT NULL)"
BEGIN = f"INSERT INTO {UNFINISHED} VALUES (:epoch, :state, '{{}}')"
PROGRESS = f"SELECT epoch, state, done FROM {UNFINISHED}"
NOTE = f"UPDATE {UNFINISHED} SET done = :done"
FINISH = f"DROP TABLE {UNFINISHED}"
IS_COPYING = {
    "sqlite": f"SELECT count(*) FROM sqlite_schema WHERE name = '{UNFINISHED}'",
    "postgresql": f"SELECT count(*) FROM pg_class WHERE oid = to_regclass('{UNFINISHED}')",
}
TABLES = [record.table for record in RECORDS] + [table.name for table in OTHERS]
ANY_ROW = "SELECT " + " OR ".join(f"EXISTS (SELECT 1 FROM {table})" for table in TABLES)
EMPTY_FEED = """
UPDATE change_feed SET dropped = (SELECT coalesce(max(number), (SELECT dropped FROM change_feed)) FROM change)
""".strip()

Done = dict[str, list[Any]]
"""The key of the last row that was copied, by table."""


class Progress(msgspec.Struct):
    """What a target has: of which archive (``epoch``) in which state, and how far."""

    epoch: str
    state: str
    done: Done


def beside(target: Path) -> Path:
    """The file that becomes ``target`` when the copy is complete."""
    return target.with_name(target.name + ".copying")


@asynccontextmanager
async def opened(target: Database) -> AsyncIterator[Archive]:
    """The target, created if it doesn't exist, to the end of the block. Raises a DatabaseError if it can't be used."""
    if isinstance(target, Path):
        path = resolved(target)
        if path.exists():
            raise _occupied(target)
        async with open_archive(beside(path), check_for_damage=False) as file:
            yield file
    else:
        async with open_database(target, SEARCH_SECONDS, create=True, copying=True) as archive:
            yield archive


async def progress_of(archive: Archive, target: Database) -> Progress | None:
    """The progress of an unfinished copy; None if the target is empty. Raises DatabaseOccupied if it isn't."""
    ((is_copying,),) = await archive.fetch(IS_COPYING[archive.dialect.name])
    if is_copying:
        ((epoch, state, done),) = await archive.fetch(PROGRESS)
        return Progress(epoch, state, msgspec.json.decode(done))
    ((is_occupied,),) = await archive.fetch(ANY_ROW)
    if is_occupied:
        raise _occupied(target)
    return None


async def begin(archive: Archive, epoch: str, state: str) -> Progress:
    """Stores in the empty target which archive is copied."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(CREATE)
        await transaction.execute(BEGIN, {"epoch": epoch, "state": state})
    return Progress(epoch, state, {})


async def empty(archive: Archive) -> None:
    """Removes all that an unfinished copy has brought, from the files too."""
    async with archive.writer.transaction() as transaction:
        if archive.dialect.name == "postgresql":
            derived = "interaction_kind, session_kind, participant_kind, session_person, change"
            await transaction.execute(f"TRUNCATE {', '.join(TABLES)}, {derived}")
        else:
            for table in reversed(TABLES):
                await transaction.execute(f"DELETE FROM {table}")
        await transaction.execute(FINISH)
    await archive.writer.clean()


async def finish(archive: Archive) -> None:
    """Makes the complete copy an archive that can be opened, with a change feed that begins now."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(EMPTY_FEED)
        await transaction.execute("DELETE FROM change")
        await transaction.execute(FINISH)


def put_in_place(target: Database) -> None:
    """Gives a complete file its name. Raises DatabaseOccupied if there is one by now."""
    if not isinstance(target, Path):
        return
    path = resolved(target)
    try:
        os.link(beside(path), path)  # Unlike a rename, this replaces nothing.
    except FileExistsError:
        raise _occupied(target) from None
    beside(path).unlink()
    lock_of(beside(path)).unlink(missing_ok=True)
    sync_to_disk(path.parent)


def _occupied(target: Database) -> DatabaseOccupied:
    return DatabaseOccupied(f"{target} is not empty, and a copy would mix two archives. Name another target.")
