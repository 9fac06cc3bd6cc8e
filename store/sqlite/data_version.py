"""Whether the archive is as it was: a mark that every write moves, by whichever process, told without reading rows.

SQLite counts, for each connection, the commits that others made (``PRAGMA data_version``), and tells the count from
shared memory in a few microseconds. Only when it moved is the archive's own number read anew, which all processes see
alike. Triggers move that number with every row that answers are read from, so a program that knows nothing of it moves
it too, and what changes no answer, such as the last use of a key, does not.
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
