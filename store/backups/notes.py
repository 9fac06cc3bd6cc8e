"""The backups that were made of an archive, as it has noted them."""

from pathlib import Path

import msgspec

from store.archive import Archive, Readable
from store.backups.online import Counts
from store.twilio_mapping import now

COLUMNS = "number, path, begun_at, finished_at, bytes, services, sessions, participants, interactions"
LIST = f"SELECT {COLUMNS} FROM backup ORDER BY begun_at DESC, number DESC"
BEGIN = """
INSERT INTO backup (number, path, begun_at) SELECT coalesce(max(number), 0) + 1, :path, :at FROM backup
""".strip()
BEGUN = f"SELECT {COLUMNS} FROM backup WHERE path = ? AND finished_at IS NULL"
FINISH = """
UPDATE backup SET finished_at = :at, bytes = :bytes, services = :services, sessions = :sessions,
  participants = :participants, interactions = :interactions WHERE number = :number
""".strip()
REPLACED = "DELETE FROM backup WHERE path = :path AND number <> :number"
FORGET = "DELETE FROM backup WHERE path = ?"
ABANDON = "DELETE FROM backup WHERE number = ?"


class Backup(msgspec.Struct, frozen=True):
    """A backup: its path, when its state was read, and its rows. It is unfinished while ``finished_at`` is None."""

    number: int
    path: str
    begun_at: str
    finished_at: str | None
    bytes: int | None
    services: int | None
    sessions: int | None
    participants: int | None
    interactions: int | None


async def noted(archive: Readable) -> list[Backup]:
    """The noted backups, the newest first; those that are being made or were interrupted too."""
    return [Backup(*row) for row in await archive.fetch(LIST)]


async def begin(archive: Archive, path: Path) -> Backup:
    """Notes that a backup is going to be made at ``path``, before any row is in it."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(BEGIN, {"path": str(path), "at": now()})
    ((*row,),) = await archive.fetch(BEGUN, (str(path),))
    return Backup(*row)


async def finish(archive: Archive, backup: Backup, size: int, counts: Counts) -> Backup:
    """Notes that the backup is whole and at its path; an earlier one there is forgotten, since it was replaced."""
    finished = msgspec.structs.replace(backup, finished_at=now(), bytes=size, **counts._asdict())
    async with archive.writer.transaction() as transaction:
        await transaction.execute(FINISH, finish_parameters(finished))
        await transaction.execute(REPLACED, {"path": backup.path, "number": backup.number})
    return finished


def finish_parameters(backup: Backup) -> dict[str, str | int | None]:
    """The parameters of FINISH."""
    return {**msgspec.structs.asdict(backup), "at": backup.finished_at}


async def abandon(archive: Archive, backup: Backup) -> None:
    """Removes the note of a backup that was not made."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(ABANDON, (backup.number,))


async def forget(archive: Archive, path: str) -> None:
    """Removes the note of a backup whose file is gone."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(FORGET, (path,))
