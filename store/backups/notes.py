"""The archive's record of its backups."""

from pathlib import Path

import msgspec

from store.backups.online import RowCounts
from store.engine.protocols import Archive, Readable
from store.twilio_mapping import now

COLUMNS = "number, path, begun_at, finished_at, bytes, services, sessions, participants, interactions"
LIST = f"SELECT {COLUMNS} FROM backup ORDER BY begun_at DESC, number DESC"
BEGIN = """
INSERT INTO backup (number, path, begun_at) SELECT coalesce(max(number), 0) + 1, :path, :at FROM backup
""".strip()
BEGUN = f"SELECT {COLUMNS} FROM backup WHERE path = :path AND finished_at IS NULL"
FINISH = """
UPDATE backup SET finished_at = :at, bytes = :bytes, services = :services, sessions = :sessions,
  participants = :participants, interactions = :interactions WHERE number = :number
""".strip()
REPLACED = "DELETE FROM backup WHERE path = :path AND number <> :number"
FORGET = "DELETE FROM backup WHERE path = :path"
ABANDON = "DELETE FROM backup WHERE number = :number"


class Backup(msgspec.Struct, frozen=True):
    """A backup: its path, when its state was read, and its counts of rows. ``finished_at`` is None until it is done."""

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
    """The recorded backups, newest first, including those in progress and interrupted ones."""
    return [Backup(*row) for row in await archive.fetch(LIST)]


async def begin(archive: Archive, path: Path) -> Backup:
    """Records that a backup is about to be made at ``path``, before it has any row."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(BEGIN, {"path": str(path), "at": now()})
    ((*row,),) = await archive.fetch(BEGUN, {"path": str(path)})
    return Backup(*row)


async def finish(archive: Archive, backup: Backup, size: int, counts: RowCounts) -> Backup:
    """Records that the backup is complete; removes the record of an earlier one at the same path, which it replaced."""
    finished = msgspec.structs.replace(backup, finished_at=now(), bytes=size, **counts._asdict())
    async with archive.writer.transaction() as transaction:
        await transaction.execute(FINISH, finish_parameters(finished))
        await transaction.execute(REPLACED, {"path": backup.path, "number": backup.number})
    return finished


def finish_parameters(backup: Backup) -> dict[str, str | int | None]:
    """The parameters of FINISH."""
    return {**msgspec.structs.asdict(backup), "at": backup.finished_at}


async def abandon(archive: Archive, backup: Backup) -> None:
    """Removes the record of a backup that failed."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(ABANDON, {"number": backup.number})


async def forget(archive: Archive, path: str) -> None:
    """Removes the record of a backup whose file was removed."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(FORGET, {"path": path})
