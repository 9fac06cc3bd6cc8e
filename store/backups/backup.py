"""Makes a backup of an archive while it is served: a whole, checked copy, which appears under its name at once."""

import asyncio
import os
import re
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from store.backups import notes
from store.backups.notes import Backup
from store.backups.online import ALONE_PRAGMAS, Progress, RowCounts, check_whole, clean_copy, copy
from store.engine.database import file_in
from store.engine.protocols import Archive
from store.errors import BackupRefused
from store.sqlite.copies.unfinished import UNFINISHED, backup_lock, incomplete, remove_incomplete, sync_to_disk
from store.sqlite.explanations import explained, refused_by_system
from store.sqlite.files import create_beside, resolved
from store.sqlite.opening import check_path

BESIDE = ("", "-wal", "-shm", "-lock", "-sync-lock", "-backup-lock", "-to-clean")
"""The ends of the names of an archive's own files."""


class Made(NamedTuple):
    """A backup that was made, and the paths of the older ones that it took the place of."""

    backup: Backup
    removed: list[str]


class Stopped(Exception):
    """The backup was stopped."""


async def back_up(archive: Archive, target: Path, keep: int | None = None, progress: Progress | None = None) -> Made:
    """Makes a backup at ``target``; in a folder, it gets a name with the time.

    With ``keep``, only that many of the backups in the folder stay. Raises BackupRefused where ``target`` can't be the
    backup's name, BackupRunning, CopyDamaged where the copy fails its checks, and a DatabaseError where it can't be
    written. Nothing is left of a backup that failed.
    """
    path = _path_of(file_in(archive.database), target, datetime.now(UTC))
    check_path(path)
    with backup_lock(file_in(archive.database)):
        await _remove_interrupted(archive)
        _check_free(path, await notes.noted(archive))
        begun = await notes.begin(archive, path)
        try:
            size, counts, cancelled = await _in_thread(file_in(archive.database), path, begun, progress)
        except BaseException:
            await notes.abandon(archive, begun)
            raise
        made = await notes.finish(archive, begun, size, counts)
        if cancelled:
            raise cancelled
        return Made(made, await _rotate(archive, path.parent, keep) if keep else [])


async def forget(archive: Archive, path: Path) -> None:
    """Removes the note of a backup whose file was deleted.

    Raises BackupRefused if the file is there, or no backup with this path is noted.
    """
    path = resolved(path).absolute()
    if str(path) not in {backup.path for backup in await notes.noted(archive)}:
        raise BackupRefused(f"The archive has noted no backup {path}. `status --json` lists the backups that it has.")
    _check_gone(path)
    await notes.forget(archive, str(path))


def _check_gone(path: Path) -> None:
    if path.exists() or incomplete(path).exists():
        raise BackupRefused(f"{path} is still there. Delete it first.")


def _path_of(database: Path, target: Path, at: datetime) -> Path:
    path = resolved(target)
    if path.is_dir():
        path /= f"{database.stem}-{at:%Y%m%dT%H%M%SZ}{database.suffix}"
    if path.absolute() in {database.with_name(f"{database.name}{end}").absolute() for end in BESIDE}:
        raise BackupRefused(f"{target} is a file of the archive itself. Name another file for the backup.")
    return path.absolute()


def _check_free(path: Path, noted: list[Backup]) -> None:
    if os.path.lexists(path) and str(path) not in {backup.path for backup in noted}:
        raise BackupRefused(
            f"{path} is there already, and is no backup that this archive has made. Name another file, or move it away."
        )


async def _remove_interrupted(archive: Archive) -> None:
    try:
        for number, path, is_noted in await archive.fetch(UNFINISHED):
            if sql := remove_incomplete(Path(path), is_noted):
                async with archive.writer.transaction() as transaction:
                    await transaction.execute(sql, (number,))
    except OSError as error:
        raise refused_by_system(error, Path(error.filename or file_in(archive.database))) from error


async def _in_thread(
    database: Path, path: Path, begun: Backup, progress: Progress | None
) -> tuple[int, RowCounts, asyncio.CancelledError | None]:
    """Runs ``_make`` in a thread; a cancellation stops it, and waits until nothing of it is left.

    One that comes too late to stop it is returned: the backup is there, and has to be noted.
    """
    stop = threading.Event()

    def each(done: int, total: int) -> None:
        if stop.is_set():
            raise Stopped
        if progress:
            progress(done, total)

    making = asyncio.ensure_future(asyncio.to_thread(_make, database, path, begun, each))
    try:
        return *await asyncio.shield(making), None
    except asyncio.CancelledError as cancelled:
        stop.set()
        await asyncio.wait([making])
        if making.exception():
            raise
        return *making.result(), cancelled


def _make(database: Path, path: Path, begun: Backup, progress: Progress) -> tuple[int, RowCounts]:
    partial = incomplete(path)
    try:
        partial.unlink(missing_ok=True)
        create_beside(partial)
        copied = copy(database, partial, progress)
        _finish_alone(partial, copied.pages_to_clean, copied.counts, begun)
        size = partial.stat().st_size
        sync_to_disk(partial)
        partial.replace(path)
        sync_to_disk(path.parent)
    except sqlite3.Error as error:
        raise explained(error, partial) from error
    except OSError as error:
        raise refused_by_system(error, partial) from error
    finally:
        partial.unlink(missing_ok=True)
    return size, copied.counts


def _finish_alone(partial: Path, pages_to_clean: set[int], counts: RowCounts, begun: Backup) -> None:
    """Makes the copy a file that stands by itself: without a log, cleaned, with its own note, and checked."""
    file = os.open(partial, os.O_RDWR)
    try:
        with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
            connection.executescript(ALONE_PRAGMAS)
            clean_copy(connection, file, pages_to_clean)
            own = msgspec.structs.replace(
                begun, finished_at=begun.begun_at, bytes=partial.stat().st_size, **counts._asdict()
            )
            connection.execute(notes.FINISH, notes.finish_parameters(own))
            connection.execute(notes.REPLACED, {"path": own.path, "number": own.number})
            check_whole(connection, partial, counts)
    finally:
        os.close(file)


async def _rotate(archive: Archive, folder: Path, keep: int) -> list[str]:
    """Removes all but the ``keep`` newest of the backups with a time in their names in ``folder``."""
    dated = re.compile(
        rf"{re.escape(file_in(archive.database).stem)}-\d{{8}}T\d{{6}}Z{re.escape(file_in(archive.database).suffix)}"
    )
    there = [
        Path(backup.path)
        for backup in await notes.noted(archive)
        if backup.finished_at and Path(backup.path).parent == folder and dated.fullmatch(Path(backup.path).name)
    ]
    removed = []
    for path in [path for path in there if path.exists()][keep:]:
        try:
            path.unlink()
        except OSError as error:
            raise refused_by_system(error, path) from error
        await notes.forget(archive, str(path))
        removed.append(str(path))
    return removed
