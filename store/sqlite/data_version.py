"""The data version: a number that increases with every write that can change an answer, by any process.

Triggers increase the number in the table ``archive`` when a row changes that answers contain, whichever program writes
it. A write that changes no answer, such as the last use of a key, doesn't change the number.

Reading it from the table each time would cost too much. SQLite keeps a count of other connections' commits
(``PRAGMA data_version``) in shared memory, which takes a few microseconds to read. Only if that count has changed is
the number read again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from store.sqlite.connections import COMMIT_COUNT, READING, reading

DATA_VERSION = "SELECT data_version FROM archive"


class DataVersion:
    """The data version of one archive. Its own connection notices the commits of all other connections."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._commits: int | None = None
        self._number = -1

    def commits(self) -> int:
        """A number that changes when any process has committed, even what changes no answer."""
        (commits,) = self._connection.execute(COMMIT_COUNT).fetchone()
        return int(commits)

    async def current(self) -> str:
        """The data version as text. It is the same as before only if no write changed an answer since."""
        commits = self.commits()
        if commits != self._commits:
            (self._number,) = self._connection.execute(DATA_VERSION).fetchone()
            self._commits = commits
        return str(self._number)


@contextmanager
def data_version(path: Path) -> Iterator[DataVersion]:
    """The data version of the archive at ``path``, until the end of the block."""
    with closing(sqlite3.connect(reading(str(path)), **READING)) as connection:
        yield DataVersion(connection)
