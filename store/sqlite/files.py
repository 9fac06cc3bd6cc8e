"""The files of a database: which file a path stands for, and who may read it and those beside it.

SQLite keeps its log, and we keep locks, marks and copies, beside the file that a symbolic link points to; so a path is
resolved once, where the database is opened. New files are for their owner alone, from the first byte; only the log gets
the database's mode, by SQLite, and what everybody who writes the database has to write too, such as locks, is for the
group where the database can be written by the group. No file's mode is ever widened.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from store.errors import DatabaseUnreachable

PRIVATE = 0o600
READ_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


def resolved(path: Path) -> Path:
    """The file that ``path`` stands for, past any symbolic links. Raises DatabaseUnreachable for links in a circle."""
    found = path
    try:
        found = path.resolve()
        is_whole = not found.is_symlink()  # From Python 3.13 on, a circle is resolved to a link of it.
    except RuntimeError:
        is_whole = False
    except OSError as error:
        is_whole = error.errno != errno.ELOOP  # What else the system says of it comes when it is opened.
    if not is_whole:
        raise DatabaseUnreachable(f"{path} is a symbolic link that leads in a circle. Name the file itself.")
    return found


def open_or_create(path: Path) -> int:
    """The database's file, open to be read and written; where it is not there yet, private whatever the umask."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    os.fchmod(file, PRIVATE)  # A umask may have taken even the owner's rights away.
    return file


def create_beside(path: Path, mode: int = PRIVATE) -> None:
    """Creates an empty file at ``path``, which must not be there, with this mode whatever the umask."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(file, mode)
    finally:
        os.close(file)


def mode_of_writers(database: Path, file: Path) -> int:
    """The mode for ``file``, which all who write the database write too: the one that it has, if it is there already.

    Others than the owner get no right to it but where they may write the database; with one to read alone they could
    hold a lock, and keep everybody from writing.
    """
    if file.exists():
        return stat.S_IMODE(file.stat().st_mode) & 0o666
    mode = database.stat().st_mode if database.exists() else PRIVATE
    rights = [(stat.S_IWGRP, stat.S_IRGRP | stat.S_IWGRP), (stat.S_IWOTH, stat.S_IROTH | stat.S_IWOTH)]
    return PRIVATE | sum(both for writes, both in rights if mode & writes)


def open_to_others(paths: Iterable[Path]) -> list[Path]:
    """Those of the files that are there and that others than their owners may read."""
    return [path for path in paths if path.exists() and path.stat().st_mode & READ_BY_OTHERS]
