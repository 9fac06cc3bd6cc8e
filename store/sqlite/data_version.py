"""The data version: a number that changes with every write of any process, read without reading rows.

SQLite counts the commits of other connections (``PRAGMA data_version``), and reads the count from shared memory in a
few microseconds. Only if it has changed is the archive's own number read again, which is the same for all processes.
Triggers increase that number when a row changes that answers are read from, whichever program writes it. A write that
changes no answer, such as the last use of a key, leaves the number as it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from store.sqlite.connections import COMMITS_OF_OTHERS, READING, reading

DATA_VERSION = "SELECT data_version FROM archive"


class DataVersion:
    """The mark of one archive, through a connection of its own, which sees every other's commits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._commits: int | None = None
        self._number = -1

    def mark(self) -> str:
        """The mark; the same as before only if nothing was written since."""
        (commits,) = self._connection.execute(COMMITS_OF_OTHERS).fetchone()
        if commits != self._commits:
            (self._number,) = self._connection.execute(DATA_VERSION).fetchone()
            self._commits = commits
        return str(self._number)


@contextmanager
def data_version(path: Path) -> Iterator[DataVersion]:
    """The data version of the archive at ``path``, until the end of the block."""
    with closing(sqlite3.connect(reading(str(path)), **READING)) as connection:
        yield DataVersion(connection)
