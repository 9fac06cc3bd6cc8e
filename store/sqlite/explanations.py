"""Turns errors of SQLite and of the file system into the store's errors, whose sentence says what to do."""

import errno
import os
import pwd
import shutil
import sqlite3
from pathlib import Path

from store.errors import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseForeign,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseUnreachable,
)
from store.sqlite.connections import BUSY_TIMEOUT_MS

NEARLY_FULL_BYTES = 2**20
"""If less space than this is free, an unspecific I/O error of SQLite counts as a full disk."""


def explained(error: sqlite3.Error, path: Path) -> DatabaseError:
    """SQLite's error about the database at ``path``, as one of the store's errors."""
    name = getattr(error, "sqlite_errorname", "")
    if is_locked(error):
        return DatabaseLocked(
            f"{path} is locked by another process, even after {BUSY_TIMEOUT_MS // 1000} seconds. "
            "Stop the other process, or try again when it is done."
        )
    if name.startswith("SQLITE_FULL") or (
        name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL")) and _is_nearly_full(path.parent)
    ):
        return full(path)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return DatabaseReadOnly(
            f"{path} can't be written ({error}). Make the file and its folder writable, or name another file."
        )
    if name.startswith("SQLITE_NOTADB"):
        return DatabaseForeign(f"{path} is not a Proxygraph database ({error}). Name another file.")
    if name.startswith("SQLITE_CORRUPT"):
        return damaged(path, str(error))
    if name.startswith("SQLITE_IOERR"):
        return DatabaseError(f"The disk that holds {path} failed ({error}). Look at the system's log, then try again.")
    return DatabaseError(f"SQLite can't use {path}: {error}. Restore it from a backup, or name another file.")


def refused_by_system(error: OSError, path: Path) -> DatabaseError:
    """The file system's error about ``path``, a file or folder to be written, as one of the store's errors."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return full(path)
    reason = error.strerror or str(error)
    try:
        path.exists()
    except OSError:
        remedy = ", or let this user enter its folder" if error.errno == errno.EACCES else ""
        return DatabaseUnreachable(f"{path} can't be reached ({reason}). Name another file{remedy}.")
    return unwritable(path if path.exists() else path.parent, reason)


def unwritable(path: Path, reason: str = "") -> DatabaseReadOnly:
    """The error about a file or folder that this user may not write."""
    noun = "folder" if path.is_dir() else "file"
    if is_mounted_read_only(path):
        return DatabaseReadOnly(
            f"The {noun} {path} is on a file system that is mounted read-only. Mount it for writing, "
            "or name a database elsewhere."
        )
    owner = _owner(path)
    if owner and os.geteuid() != 0 and path.stat().st_uid != os.geteuid():
        return DatabaseReadOnly(
            f"The {noun} {path} belongs to {owner}, and this user may not write it. Run it as {owner}, "
            f"or give the {noun} to this user."
        )
    because = f" ({reason})" if reason else ""
    also = ", and SQLite writes a log beside the database" if noun == "folder" else ""
    return DatabaseReadOnly(f"The {noun} {path} is read-only{because}{also}. Make it writable, or name another file.")


def unreadable(path: Path) -> DatabaseUnreachable:
    """The error about a file that this user may not read."""
    return DatabaseUnreachable(
        f"The file {path} belongs to {_owner(path)}, and this user may not read it. Run it as {_owner(path)}, "
        "or let this user read the file."
    )


def full(path: Path) -> DatabaseFull:
    """The error about a disk without space."""
    return DatabaseFull(f"The disk that holds {path} is full. Free some space and try again; nothing needs restoring.")


def damaged(path: Path, finding: str) -> DatabaseCorrupt:
    """The error about a database that SQLite finds damaged."""
    return DatabaseCorrupt(f"{path} is damaged: {finding}. Restore it from a backup, or name another file.")


def missing(path: Path) -> DatabaseUnreachable:
    """The error about a database that a command only reads, but that doesn't exist."""
    return DatabaseUnreachable(f"There is no database {path}. Name one that exists.")


def is_file_error(error: sqlite3.DatabaseError) -> bool:
    """Whether the cause is the file or its disk (locked, damaged, full, …) and not the statement or its rows."""
    return getattr(error, "sqlite_errorname", "SQLITE_ERROR").split("_")[1] not in ("ERROR", "CONSTRAINT", "INTERRUPT")


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another process kept the database locked for too long."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_mounted_read_only(path: Path) -> bool:
    """Whether the file system of ``path`` is mounted read-only."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _is_nearly_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < NEARLY_FULL_BYTES
    except OSError:
        return False


def _owner(path: Path) -> str | None:
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except OSError:
        return None
    except KeyError:
        return f"the user {path.stat().st_uid}"
