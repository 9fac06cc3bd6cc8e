"""The files of a database: resolves symbolic links, and sets who may read and write the files.

SQLite's log and Proxygraph's locks, marks and copies are beside the file that a symbolic link points to. So a path is
resolved once, where the database is opened.

New files are readable and writable for their owner only, from the moment they are created. There are two exceptions.
SQLite gives its log the mode of the database. And files that every writer of the database must write, such as locks,
are writable for the group if the database is. No mode of an existing file is ever widened.
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
    """The file that ``path`` leads to, through all symbolic links. Raises DatabaseUnreachable if they form a loop."""
    file = path
    try:
        file = path.resolve()
        is_loop = file.is_symlink()  # Since Python 3.13, resolving a loop returns one of its links.
    except RuntimeError:
        is_loop = True
    except OSError as error:
        is_loop = error.errno == errno.ELOOP  # Other errors are reported when the file is opened.
    if is_loop:
        raise DatabaseUnreachable(f"{path} is a symbolic link in a loop of links. Name the file itself.")
    return file


def open_or_create(path: Path) -> int:
    """Opens the database's file for reading and writing. A new file is private, regardless of the umask."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    os.fchmod(file, PRIVATE)  # The umask may have removed even the owner's permissions.
    return file


def create_beside(path: Path, mode: int = PRIVATE) -> None:
    """Creates an empty file at ``path`` with this mode, regardless of the umask. Raises FileExistsError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(file, mode)
    finally:
        os.close(file)


def mode_of_writers(database: Path, file: Path) -> int:
    """The mode for ``file``, which every writer of ``database`` must write; an existing file keeps its mode.

    Group and others may only open the file if they may write the database. Permission to read would be enough to hold a
    lock on it, which would keep everybody else from writing.
    """
    if file.exists():
        return stat.S_IMODE(file.stat().st_mode) & 0o666
    mode = database.stat().st_mode if database.exists() else PRIVATE
    classes = [(stat.S_IWGRP, stat.S_IRGRP | stat.S_IWGRP), (stat.S_IWOTH, stat.S_IROTH | stat.S_IWOTH)]
    return PRIVATE | sum(read_write for write, read_write in classes if mode & write)


def readable_by_others(paths: Iterable[Path]) -> list[Path]:
    """Those of the files that exist and that the group or others may read."""
    return [path for path in paths if path.exists() and path.stat().st_mode & READ_BY_OTHERS]
