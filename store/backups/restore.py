"""Restores a backup: builds the new archive beside the old one, replays the ledger in it, and renames it.

Meanwhile the old archive is locked, so that nobody can open it. It stays unchanged until the new one is renamed, which
is atomic. So if this is killed, either the old archive or the new one is in place, and the new one never has an erased
row. The next process that opens the archive removes the remains in the folder beside it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from store.backups.decisions import ErasedAgain, is_database
from store.backups.online import PAGES_AT_ONCE, TARGET_PRAGMAS, Progress, RowCounts, check_whole, counts_of
from store.backups.printed_ledgers import entries_of
from store.backups.replaced import Comparison, Replaced, locked, of_backup
from store.backups.replay_in_file import (
    accounts_of,
    check_owner,
    erase_again,
    note_source,
    take_over,
    take_over_entries,
)
from store.changes import NEW_EPOCH
from store.errors import DatabaseCorrupt, RestoreRefused
from store.sqlite.cleaning import Cleaner, has_log, has_nonempty_log
from store.sqlite.connections import READING, WRITE_PRAGMAS, reading
from store.sqlite.copies.unfinished import remove_staging, staging, sync_to_disk
from store.sqlite.dialect import DIALECT
from store.sqlite.explanations import explained, refused_by_system
from store.sqlite.files import create_beside, resolved
from store.sqlite.opening import check_path, prepare, read_only_uri


class Restored(NamedTuple):
    """The result of a restore: its counts of rows, what was erased again, and which ledgers were replayed.

    ``has_ledger_of_archive`` says whether the ledger, the keys and the decisions of the replaced archive were copied;
    ``has_other_ledger`` whether those of another file were.
    """

    counts: RowCounts
    erased_again: ErasedAgain
    has_ledger_of_archive: bool
    has_other_ledger: bool


def restore(
    backup: Path, database: Path, ledger: Path | None = None, sure: bool = False, progress: Progress | None = None
) -> Restored:
    """Replaces the archive at ``database`` by the backup, and replays the archive's ledger in it.

    ``ledger`` is another ledger to replay: an archive, or the output of ``ledger --json``. Raises RestoreRefused if
    the archive is newer than the backup, unless ``sure``, or its ledger can't be read; DatabaseLocked if the archive is
    open in another process; CopyDamaged or another DatabaseError if the backup can't be used.
    """
    backup, database = resolved(backup), resolved(database)
    check_path(database)
    _check_backup(backup, database)
    _check_replaceable(database)
    if ledger is not None and database.exists() and ledger.exists() and ledger.samefile(database):
        ledger = None  # Its ledger is replayed in any case.
    with locked(database) as replaced:
        is_newer = _check_newer(replaced, backup, sure)
        with _staged(database) as file:
            _copy(backup, file, progress)
            restored = _replay(file, backup, replaced, ledger, is_newer)
            with closing(sqlite3.connect(reading(str(file), immutable=True), **READING)) as connection:
                check_whole(connection, file, restored.counts)
            sync_to_disk(file)
            replaced.replace(file)
    return restored


def _check_backup(backup: Path, database: Path) -> None:
    read_only_uri(backup)
    if database.exists() and backup.samefile(database):
        raise RestoreRefused(f"{backup} is the archive itself. Name a backup of it.")


def _check_replaceable(database: Path) -> None:
    """Raises a DatabaseError if the file isn't an archive, or if a later version wrote it."""
    if database.exists() and database.stat().st_size:
        with suppress(DatabaseCorrupt):  # Replacing a damaged archive is what backups are for.
            read_only_uri(database)


def _check_newer(replaced: Replaced, backup: Path, sure: bool) -> bool:
    try:
        found = replaced.compare(backup)
    except sqlite3.DatabaseError as error:
        if not sure:
            raise RestoreRefused(
                f"{replaced.path} can't be compared with the backup ({error}), so it may have rows that the backup "
                "lacks. Add --yes to replace it."
            ) from error
        return True
    if found.is_newer and not sure:
        raise RestoreRefused(_newer(replaced.path, backup, found))
    return found.is_newer


def _newer(path: Path, backup: Path, found: Comparison) -> str:
    lost = f"{found.interactions:,} of its interactions and {found.sessions:,} of its sessions are not in the backup"
    why = (
        f"{lost}, and others may have changed since" if found.interactions or found.sessions else "it has changed since"
    )
    return (
        f"{path} is newer than {backup}: {why}. A sync fetches again only what Twilio still has. Make a backup of it "
        "first if you may need it, and add --yes to replace it."
    )


@contextmanager
def _staged(database: Path) -> Iterator[Path]:
    """A file for the new archive, in a private folder beside the old one; removed at the end of the block."""
    folder = staging(database)
    try:
        remove_staging(database)
        folder.mkdir(mode=0o700)
        create_beside(folder / database.name)
        yield folder / database.name
    except OSError as error:
        raise refused_by_system(error, Path(error.filename or folder)) from error
    finally:
        with suppress(OSError):
            remove_staging(database)


def _copy(backup: Path, file: Path, progress: Progress | None) -> None:
    def each(status: int, remaining: int, total: int) -> None:
        if progress:
            progress(total - remaining, total)

    try:
        with (
            closing(sqlite3.connect(of_backup(backup), **READING)) as read,
            closing(sqlite3.connect(file, isolation_level=None)) as write,
        ):
            write.executescript(TARGET_PRAGMAS)
            read.execute("BEGIN")
            counts = counts_of(read)
            read.backup(write, pages=PAGES_AT_ONCE, progress=each, sleep=0)
            check_whole(write, backup, counts)
    except sqlite3.Error as error:
        raise explained(error, file) from error


def _replay(file: Path, backup: Path, replaced: Replaced, ledger: Path | None, is_newer: bool) -> Restored:
    """Migrates the copy, copies the decisions of the replaced archive, and erases again."""
    try:
        with closing(prepare(file, check_for_damage=False)) as prepared:
            with closing(sqlite3.connect(file, isolation_level=None)) as target:
                target.executescript(f"{WRITE_PRAGMAS} PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE;")
                note_source(target, backup)
                if ledger is not None:
                    _take_over_ledger(target, ledger)
                is_whole = _take_over_archive(target, replaced, is_newer, ledger is not None)
                for sql in ("COMMIT", "PRAGMA foreign_keys=ON", "BEGIN IMMEDIATE"):
                    target.execute(sql)
                erased = erase_again(target)
                target.execute(
                    NEW_EPOCH.text(DIALECT)
                )  # The backup's numbers stand for other changes than the archive's did.
                target.execute("COMMIT")
                counts = counts_of(target)
            with closing(Cleaner(file, prepared.file)) as cleaner:
                # All pages: a backup of an older version may have copies of rows in unallocated space.
                # Then once more, since that writes to the log which entries of the ledger it has closed.
                if reason := cleaner.clean(every_page=True) or cleaner.clean():
                    raise RestoreRefused(f"Nothing was restored, since erased rows can't be removed: {reason}")
        if has_nonempty_log(file):
            raise RestoreRefused(f"Nothing was restored, since the log of {file} could not be emptied. Run it again.")
        return Restored(counts, erased, is_whole, ledger is not None)
    except sqlite3.Error as error:
        raise explained(error, file) from error


def _take_over_archive(target: sqlite3.Connection, replaced: Replaced, is_newer: bool, has_ledger: bool) -> bool:
    if replaced.connection is None:
        return False
    try:
        take_over(target, replaced.connection, is_newer)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith("SQLITE_CORRUPT") and has_ledger:
            return False
        if error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
            raise RestoreRefused(
                f"The ledger of {replaced.path} can't be read ({error}), so what was erased since would come back. "
                "Name another ledger with --ledger: a later backup, or what `ledger --json` printed. If there is "
                "none, move the archive away first."
            ) from error
        raise
    return True


def _take_over_ledger(target: sqlite3.Connection, ledger: Path) -> None:
    if not is_database(ledger):
        entries = entries_of(ledger)
        check_owner(target, {entry.account_sid for entry in entries}, ledger)
        take_over_entries(target, entries)
        return
    uri = read_only_uri(ledger) or reading(str(ledger), immutable=not has_log(ledger))
    with closing(sqlite3.connect(uri, **READING)) as source:
        check_owner(target, accounts_of(source), ledger)
        take_over(target, source, is_newer=False)
