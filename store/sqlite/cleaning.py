"""Cleaning: checkpoints SQLite's log into the database, scrubs erased bytes, and closes the ledger's entries.

The scrub (store/sqlite/scrub.py) must see every page that a checkpoint moves into the database, but the log that names
these pages is empty afterwards. So their numbers are first stored in a list beside the database; it is emptied when all
of them are clean. If anything fails in between, even the machine, the next cleaning continues from the list. If the
ledger has entries to close but neither the log nor the list names a page, another program has emptied the log; then
every page is scrubbed.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from store.sqlite.connections import READING, WRITE_PRAGMAS, reading
from store.sqlite.copies.unfinished import remove_unfinished, sync_to_disk
from store.sqlite.explanations import explained, is_locked, refused_by_system
from store.sqlite.files import create_beside, mode_of_writers
from store.sqlite.migrations import copies
from store.sqlite.scrub import Pages, scrub
from store.twilio_mapping import now

BUSY_PRAGMA = "PRAGMA busy_timeout=50;"
"""How long a cleaning waits for readers. Short, because writers wait meanwhile; whoever calls it tries again later."""

ANY_UNCLOSED = "SELECT EXISTS (SELECT 1 FROM deletion WHERE erased_at IS NOT NULL AND closed_at IS NULL)"
CLOSE = """
UPDATE deletion SET purged_at = :at, closed_at = :at, waits_for = NULL
WHERE erased_at IS NOT NULL AND closed_at IS NULL
""".strip()
STORE_REASON = """
UPDATE deletion SET waits_for = :reason
WHERE erased_at IS NOT NULL AND closed_at IS NULL AND waits_for IS NOT :reason
""".strip()

BLOCKED_BY_READER = (
    "Another program still reads an earlier state of the database, so SQLite's log can't be emptied. "
    "The bytes are erased after that program ends its read."
)

LOG_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
NUMBER_BYTES = 4


class Cleaner:
    """Cleans one database, through its own connection.

    It must not be the writer's connection. SQLite caches pages for the connection that wrote them, and emptying the log
    makes every *other* connection drop its cache. Otherwise the writer would write back bytes that were scrubbed.
    """

    def __init__(self, path: Path, database: int) -> None:
        """``database`` is the open file at ``path``."""
        self._path, self._database = path, database
        self._log = path.with_name(path.name + "-wal")
        self._list = PageList(path)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(WRITE_PRAGMAS + BUSY_PRAGMA)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def clean(self, every_page: bool = False) -> str | None:
        """Empties the log into the database, scrubs the pages it moved, and closes the ledger's erased entries.

        Returns None if that succeeded; else the reason as a sentence, which is also stored in the open entries.
        Only one process may call it at a time. ``every_page`` scrubs the whole file.
        """
        any_unclosed = False
        try:
            ((any_unclosed,),) = self._connection.execute(ANY_UNCLOSED).fetchall()
            reason = self._cleaned(bool(any_unclosed), every_page)
            if any_unclosed and reason is None:
                self._write(CLOSE, {"at": now()})
        except sqlite3.DatabaseError as error:
            reason = BLOCKED_BY_READER if is_locked(error) else str(explained(error, self._path))
        except OSError as error:
            reason = str(refused_by_system(error, Path(error.filename or self._path)))
        if any_unclosed and reason is not None:
            self._store_reason(reason)
        return reason

    def forget_list(self) -> None:
        """Removes the list if it is empty."""
        self._list.remove_if_empty()

    def _cleaned(self, any_unclosed: bool, every_page: bool) -> str | None:
        if any_unclosed:
            for copy in copies(self._path):
                copy.unlink(missing_ok=True)
            remove_unfinished(self._connection, self._path)
        known = self._list.read()
        moving = pages_in_log(self._log)
        self._list.add(moving - known)
        ((is_blocked, _, _),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if is_blocked:
            return BLOCKED_BY_READER
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            numbers: Iterable[int] = known | moving
            if every_page or (any_unclosed and not numbers):
                numbers = range(1, Pages(self._database).last + 1)
            damaged = scrub(self._connection, self._database, numbers)
        finally:
            self._connection.execute("ROLLBACK")
        if damaged:
            return (
                f"The pages {', '.join(map(str, damaged[:5]))} of {self._path} are damaged and can't be cleaned. "
                "Restore the database from a backup."
            )
        self._list.empty()
        return None

    def _write(self, sql: str, parameters: dict[str, str]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.execute(sql, parameters)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    def _store_reason(self, reason: str) -> None:
        try:
            self._write(STORE_REASON, {"reason": reason})
        except sqlite3.DatabaseError:
            return  # The entry stays open, which is enough; the server's log has the reason too.


class PageList:
    """The numbers of the pages that must still be scrubbed, in a file beside the database at ``path``."""

    def __init__(self, path: Path) -> None:
        self._database = path
        self.file = path.with_name(path.name + "-to-clean")

    def read(self) -> set[int]:
        """The numbers. Ignores an incomplete number at the end, from an interrupted write."""
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return set()
        whole = len(content) - len(content) % NUMBER_BYTES
        return {int.from_bytes(content[at : at + NUMBER_BYTES], "big") for at in range(0, whole, NUMBER_BYTES)}

    def add(self, numbers: set[int]) -> None:
        """Appends the numbers; they are on the disk when this returns."""
        if not numbers:
            return
        if is_new := not self.file.exists():
            create_beside(self.file, mode_of_writers(self._database, self.file))
        file = os.open(self.file, os.O_RDWR)
        try:
            size = os.fstat(file).st_size
            content = b"".join(number.to_bytes(NUMBER_BYTES, "big") for number in sorted(numbers))
            written = os.pwrite(file, content, size - size % NUMBER_BYTES)
            if written != len(content):
                raise OSError(f"only {written} of {len(content)} bytes could be written")
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            sync_to_disk(self.file.parent)

    def empty(self) -> None:
        """Empties the list. If a crash undoes this, the pages are just scrubbed once more."""
        if self.file.exists():
            os.truncate(self.file, 0)

    def remove_if_empty(self) -> None:
        """Removes the file if it is empty."""
        if self.file.exists() and not self.file.stat().st_size:
            self.file.unlink()


def pages_in_log(log: Path) -> set[int]:
    """The numbers of the pages in the write-ahead log, including frames that SQLite no longer uses.

    https://www.sqlite.org/fileformat.html#the_write_ahead_log
    """
    try:
        file = os.open(log, os.O_RDONLY)
    except FileNotFoundError:
        return set()
    try:
        size = os.fstat(file).st_size
        frame = FRAME_HEADER_BYTES + int.from_bytes(os.pread(file, 4, 8), "big")
        return {int.from_bytes(os.pread(file, 4, at), "big") for at in range(LOG_HEADER_BYTES, size, frame)}
    finally:
        os.close(file)


def has_log(path: Path) -> bool:
    """Whether there is a log beside the database at ``path``, as while any process has it open."""
    return path.with_name(path.name + "-wal").exists()


def has_nonempty_log(path: Path) -> bool:
    """Whether the database at ``path`` has a log that isn't empty."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


@contextmanager
def keep_log(path: Path) -> Iterator[None]:
    """Keeps the log unchanged while all other connections to the database at ``path`` close in the block.

    The last connection to close checkpoints the log, without the scrub. Here that is a read-only one, which can't.
    """
    with closing(sqlite3.connect(reading(str(path)), **READING)) as connection:
        with suppress(sqlite3.Error):
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        yield
