"""The archive's record of its copies in other databases, which no erasure of its own reaches."""

from pathlib import Path

import msgspec

from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Readable
from store.sqlite.files import resolved
from store.twilio_mapping import now

LIST = "SELECT target, begun_at, finished_at FROM archive_copy ORDER BY begun_at DESC, target"
BEGIN = """
INSERT INTO archive_copy (target, begun_at) VALUES (:target, :at)
ON CONFLICT (target) DO UPDATE SET begun_at = excluded.begun_at, finished_at = NULL
WHERE archive_copy.finished_at IS NOT NULL
""".strip()
"""An unfinished copy that is continued keeps the time at which it was begun."""
FINISH = "UPDATE archive_copy SET finished_at = :at WHERE target = :target"
FORGET = "DELETE FROM archive_copy WHERE target = :target"
NOTE_SOURCE = """
INSERT INTO archive_copy (target, begun_at, finished_at) VALUES (:target, :at, :at)
ON CONFLICT (target) DO UPDATE SET begun_at = excluded.begun_at, finished_at = excluded.finished_at
""".strip()


class ArchiveCopy(msgspec.Struct, frozen=True):
    """A copy in another database, ``target``: a path, or an address without a password.

    ``finished_at`` is None until it is whole. A copy has a record of the archive that it was made of, too.
    """

    target: str
    begun_at: str
    finished_at: str | None


def name_of(database: Database) -> str:
    """The name of a database in the record: an absolute path, or an address without a password."""
    return str(resolved(database).absolute() if isinstance(database, Path) else database)


async def copies_of(archive: Readable) -> list[ArchiveCopy]:
    """The recorded copies, newest first."""
    return [ArchiveCopy(*row) for row in await archive.fetch(LIST)]


async def note_begun(source: Database, target: Database) -> None:
    """Records in ``source`` that it is about to be copied into ``target``, before that has any row of it.

    Raises a DatabaseError if ``source`` can't be written.
    """
    await _write(source, BEGIN, {"target": name_of(target), "at": now()})


async def note_finished(source: Database, target: Database) -> None:
    """Records in ``source`` that its copy in ``target`` is whole."""
    await _write(source, FINISH, {"target": name_of(target), "at": now()})


async def forget(source: Database, target: Database) -> None:
    """Removes the record of a copy that is no longer there."""
    await _write(source, FORGET, {"target": name_of(target)})


async def _write(database: Database, sql: str, parameters: dict[str, str]) -> None:
    async with (
        open_archive(database, check_for_damage=False, create=False) as archive,
        archive.writer.transaction() as transaction,
    ):
        await transaction.execute(sql, parameters)
