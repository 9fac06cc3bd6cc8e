"""The archive that a restore replaces: locks it for everybody else, compares it with the backup, and replaces it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from store.errors import DatabaseLocked, RestoreRefused
from store.sqlite.cleaning import PageList, has_log, pages_in_log
from store.sqlite.connections import BUSY_TIMEOUT_MS, reading
from store.sqlite.copies.unfinished import sync_to_disk
from store.sqlite.explanations import explained, is_locked, refused_by_system
from store.sqlite.files import open_or_create

LOCK_EXCLUSIVELY = "PRAGMA busy_timeout=500; PRAGMA main.locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;"
"""In this mode SQLite allows no other connection to the file (https://www.sqlite.org/wal.html#noshm)."""
REMOVE_LOG = "PRAGMA main.journal_mode=DELETE"
HAS_ROWS = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema)"

ATTACH = "ATTACH ? AS backup"
OWNERS = """
SELECT coalesce(main.archive.account_sid, (SELECT account_sid FROM main.service LIMIT 1)),
  coalesce(backup.archive.account_sid, (SELECT account_sid FROM backup.service LIMIT 1)),
  main.archive.demo, backup.archive.demo
FROM main.archive, backup.archive
""".strip()
LAST_WRITTEN = """
SELECT max(moment) FROM (
  SELECT max(alive_at) AS moment FROM {of}.sync_run
  UNION ALL SELECT max(max(intended_at, coalesce(erased_at, ''))) FROM {of}.deletion
  UNION ALL SELECT max(date_created) FROM {of}.session
  UNION ALL SELECT max(date_created) FROM {of}.interaction
)
""".strip()
SAME_ROWS = "SELECT main.archive.data_version = backup.archive.data_version FROM main.archive, backup.archive"
LOST = """
SELECT (SELECT count(*) FROM main.session WHERE sid NOT IN (SELECT sid FROM backup.session)),
  (SELECT count(*) FROM main.interaction WHERE sid NOT IN (SELECT sid FROM backup.interaction))
""".strip()


class Comparison(NamedTuple):
    """Whether the archive is newer than a backup, when it was last written, and how many rows would be lost."""

    is_newer: bool
    last_written: str | None
    sessions: int
    interactions: int


class Replaced:
    """The archive at ``path``, locked for everybody else; ``connection`` is None if there is no archive yet."""

    def __init__(self, path: Path, connection: sqlite3.Connection | None) -> None:
        self.path = path
        self.connection = connection
        self.is_replaced = False

    def compare(self, backup: Path) -> Comparison:
        """Compares it with the backup. Raises RestoreRefused if they are of two accounts, sqlite3.Error if damaged."""
        connection = self.connection
        if connection is None:
            return Comparison(False, None, 0, 0)
        connection.execute(ATTACH, (of_backup(backup),))
        try:
            ((owner, owner_of_backup, *demos),) = connection.execute(OWNERS).fetchall()
            if (owner and owner_of_backup and owner != owner_of_backup) or demos[0] != demos[1]:
                raise RestoreRefused(
                    f"{self.path} is the archive of {_owned_by(owner, demos[0])}, but {backup} is a backup of the "
                    f"archive of {_owned_by(owner_of_backup, demos[1])}. Restore it to another file: --database FILE."
                )
            written, written_of_backup = (
                connection.execute(LAST_WRITTEN.format(of=name)).fetchone()[0] for name in ("main", "backup")
            )
            if connection.execute(SAME_ROWS).fetchone()[0]:
                return Comparison(False, written, 0, 0)
            sessions, interactions = connection.execute(LOST).fetchone()
            is_newer = bool(sessions or interactions) or (written or "") > (written_of_backup or "")
            return Comparison(is_newer, written, sessions, interactions)
        finally:
            connection.execute("DETACH backup")

    def replace(self, file: Path) -> None:
        """Replaces it by ``file``, a complete database on the same disk.

        Its log is checkpointed first, because SQLite would apply it to the new file. Until ``file`` is renamed, the
        archive is unchanged; if that doesn't happen, the next cleaning knows which pages the checkpoint moved.
        """
        if self.connection is not None:
            PageList(self.path).add(pages_in_log(self._beside("-wal")))
            try:
                self.connection.execute(REMOVE_LOG)
            except sqlite3.DatabaseError as error:
                if not error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
                    raise
        for end in ("-wal", "-shm"):
            self._beside(end).unlink(missing_ok=True)
        _give_owner(file, self.path.stat())
        file.replace(self.path)
        self.is_replaced = True
        sync_to_disk(self.path.parent)
        self._beside("-to-clean").unlink(missing_ok=True)

    def _beside(self, end: str) -> Path:
        return self.path.with_name(self.path.name + end)


@contextmanager
def locked(path: Path) -> Iterator[Replaced]:
    """Locks the archive at ``path``, or the path of a new one, so that no other process can open it in the block.

    Raises DatabaseLocked if another process has it open.
    """
    existed = path.exists()
    try:
        os.close(open_or_create(path))
        with closing(sqlite3.connect(path, isolation_level=None, uri=True)) as connection:
            try:
                connection.executescript(LOCK_EXCLUSIVELY)
                (has_rows,) = connection.execute(HAS_ROWS).fetchone()
            except sqlite3.DatabaseError as error:
                if is_locked(error):
                    raise DatabaseLocked(
                        f"{path} is open in another process, such as a server or a sync. Stop it, and run this again."
                    ) from error
                if not error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
                    raise
                has_rows = True
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            replaced = Replaced(path, connection if has_rows else None)
            try:
                yield replaced
            finally:
                if not existed and not replaced.is_replaced:
                    path.unlink(missing_ok=True)
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise refused_by_system(error, Path(error.filename or path)) from error


def of_backup(backup: Path) -> str:
    """The URI that reads a backup. If it has a log, it is a plain copy of an archive's files, or open in a process."""
    return reading(str(backup), immutable=not has_log(backup))


def _give_owner(file: Path, old: os.stat_result) -> None:
    """Gives ``file`` the mode of the file that it replaces and, if this user may do that, its owner."""
    file.chmod(old.st_mode & 0o777)
    with suppress(PermissionError):
        os.chown(file, old.st_uid, old.st_gid)


def _owned_by(owner: str | None, demo: str | None) -> str:
    return "a demo" if demo is not None else f"the account {owner}" if owner else "no account yet"
