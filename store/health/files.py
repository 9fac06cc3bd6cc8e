"""What SQLite says of a file: its sizes and versions."""

import sqlite3
from contextlib import closing
from pathlib import Path

from store.health.health import Health, Versions, python_version
from store.sqlite.connections import READING, has_wal_reset_bug, reading
from store.sqlite.explanations import explained
from store.sqlite.files import resolved
from store.sqlite.migrations import latest
from store.sqlite.opening import read_only_uri

VERSION = "PRAGMA user_version"


def described_file(path: Path) -> Health:
    """The sizes and versions of the archive at ``path``. Raises a DatabaseError if it is missing or can't be used."""
    path = resolved(path)
    uri = read_only_uri(path)
    try:
        with closing(sqlite3.connect(uri or reading(str(path)), **READING)) as connection:
            ((version,),) = connection.execute(VERSION).fetchall()
        versions = Versions(python_version(), sqlite3.sqlite_version, has_wal_reset_bug(), version, latest())
        log = path.with_name(f"{path.name}-wal")
        return Health(str(path), path.stat().st_size, log.stat().st_size if log.exists() else 0, versions)
    except sqlite3.Error as error:
        raise explained(error, path) from error
