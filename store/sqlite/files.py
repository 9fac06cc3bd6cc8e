"""The files of a database: which file a path stands for, and who may read it and those beside it.

SQLite keeps its log, and we keep locks, marks and copies, beside the file that a symbolic link points to; so a path is
resolved once, where the database is opened. New files are for their owner alone, from the first byte. Those beside an
existing database get the mode that it has, as SQLite gives it to the log; no file's mode is ever widened.
"""

import errno
import os
import stat
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


def create_beside(path: Path, database: Path) -> None:
    """Creates an empty file at ``path``, which must not be there, with the mode of ``database``."""
    mode = mode_beside(database)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(file, mode)
    finally:
        os.close(file)


def mode_beside(database: Path, file: Path | None = None) -> int:
    """The mode for a file beside ``database``: that of ``file`` where it is there already, or else the database's."""
    for existing in (file, database):
        if existing and existing.exists():
            return stat.S_IMODE(existing.stat().st_mode) & 0o666
    return PRIVATE


def is_open_to_others(path: Path) -> bool:
    """Whether others than its owner may read the file at ``path``."""
    return bool(path.stat().st_mode & READ_BY_OTHERS)
