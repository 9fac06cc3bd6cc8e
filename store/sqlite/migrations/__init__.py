"""Migrations: numbered SQL files that bring a database to the latest version, each in one transaction. A new database
gets all of them in one, which waits for the disk once.

``PRAGMA user_version`` is the number of the last one that ran. Before the first one runs on a database with data, the
database is copied to a file beside it. Erasing an interaction deletes such copies, since they would keep its content.
A column that a migration adds for a property of Twilio's is filled from ``extra``, in the same transaction
(store/sqlite/from_extra.py).
"""

import sqlite3
from pathlib import Path

from store.sqlite.connections import APPLICATION_ID
from store.sqlite.files import create_beside
from store.sqlite.from_extra import current_columns, fill_from_extra

FOLDER = Path(__file__).parent


def latest(folder: Path = FOLDER) -> int:
    """The version that this code writes."""
    return len(_files(folder))


def migrate(connection: sqlite3.Connection, path: Path, folder: Path = FOLDER) -> bool:
    """Brings the database at ``path`` to the latest version; if a migration fails, those before it stay applied, but
    a new database stays empty.

    Returns whether any migration ran.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    pending = _files(folder)[version:]
    if version and pending:
        _copy_before(connection, path, version)
    for files in [[file] for file in pending] if version else [pending]:
        version += len(files)
        script = "\n".join(file.read_text("utf-8") for file in files)
        try:
            before = current_columns(connection)
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n")
            fill_from_extra(connection, before)
            for sql in (f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {version}", "COMMIT"):
                connection.execute(sql)
        except BaseException:
            connection.rollback()
            raise
    return bool(pending)


def copies(path: Path) -> list[Path]:
    """The copies of the database at ``path`` that were made before migrations."""
    prefix = f"{path.name}.version-"
    return sorted(
        file
        for file in path.parent.iterdir()
        if file.name.startswith(prefix) and file.name.removeprefix(prefix).isdecimal()
    )


def _copy_before(connection: sqlite3.Connection, path: Path, version: int) -> None:
    copy = path.with_name(f"{path.name}.version-{version}")
    copy.unlink(missing_ok=True)
    create_beside(copy)
    connection.execute("VACUUM INTO ?", (str(copy),))


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("[0-9]*.sql"))
    for number, file in enumerate(files, start=1):
        if int(file.name.split("_")[0]) != number:
            raise ValueError(f"Migrations are numbered from 1 without a gap, but {file.name} is number {number}.")
    return files
