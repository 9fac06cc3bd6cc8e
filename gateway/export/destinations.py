"""Where an export is written: to a file that appears only when it is complete, or to standard output.

On Linux the file has no name until it is complete, so that a killed export leaves nothing
(https://man7.org/linux/man-pages/man2/open.2.html, O_TMPFILE); elsewhere it has a temporary name.
"""

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.engine.database import Database

STDOUT = "-"
PRIVATE = 0o600
IN_THE_WAY = "{path} is {kind}. Name a file that the export may write."


class CannotWrite(Exception):
    """The export can't be written. ``str()`` gives a sentence for people."""


class PipeClosed(Exception):
    """The program that reads the pipe has closed it."""


class Destination:
    """An open file or pipe. ``written`` is the number of bytes so far."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor, self.name = descriptor, name
        self.written = 0

    def write(self, piece: bytes) -> None:
        """Writes all of ``piece``. Raises CannotWrite or PipeClosed."""
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BrokenPipeError as error:
            raise PipeClosed from error
        except OSError as error:
            raise _cannot_write(error, self.name) from error
        self.written += len(piece)


@contextmanager
def destination(to: str, database: Database) -> Iterator[Destination]:
    """Opens ``to``, a path or ``-``. The file, which is private, appears when the block ends without an error.

    Raises CannotWrite if it can't be written, or if it is one of the archive's own files.
    """
    path = Path(to)
    if to == STDOUT:
        yield Destination(sys.stdout.fileno(), "standard output")
    elif path.exists() and not path.is_file():
        if path.is_dir():
            raise CannotWrite(f"{path} is a folder, but an export is one file. Name a file in it.")
        with _opened(path, os.O_WRONLY) as descriptor:  # A device or a named pipe is written directly.
            yield Destination(descriptor, to)
    else:
        _check_not_archive(path, database)
        with _file(path) as descriptor:
            yield Destination(descriptor, to)


def is_terminal(to: str) -> bool:
    """Whether ``to`` is standard output and this is a terminal."""
    return to == STDOUT and sys.stdout.isatty()


@contextmanager
def _file(path: Path) -> Iterator[int]:
    """A new file in the same folder, which replaces ``path`` at the end."""
    path = path.resolve()  # A symbolic link stays; the file that it points to is replaced.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    folder, descriptor, is_named = -1, -1, False
    try:
        try:
            folder = os.open(path.parent, os.O_RDONLY)
            descriptor, is_named = _new_file(temporary)
            os.fchmod(descriptor, PRIVATE)
        except OSError as error:
            raise _cannot_write(error, str(path)) from error
        yield descriptor
        try:
            os.fsync(descriptor)
            if not is_named:
                os.link(f"/proc/self/fd/{descriptor}", temporary.name, src_dir_fd=folder, dst_dir_fd=folder)
                is_named = True
            temporary.replace(path)
            is_named = False
            os.fsync(folder)
        except OSError as error:
            raise _cannot_write(error, str(path)) from error
    finally:
        if is_named:
            with suppress(OSError):
                temporary.unlink()
        for each in (descriptor, folder):
            if each >= 0:
                os.close(each)


def _new_file(temporary: Path) -> tuple[int, bool]:
    """A new file without a name, or at ``temporary`` if the system has no such files; and whether it has a name."""
    unnamed = getattr(os, "O_TMPFILE", None)
    if unnamed is not None and Path("/proc/self/fd").is_dir():
        try:
            return os.open(temporary.parent, os.O_WRONLY | unnamed, PRIVATE), False
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                raise
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), True


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _cannot_write(error, str(path)) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check_not_archive(path: Path, database: Database) -> None:
    if not isinstance(database, Path):
        return
    resolved, archive = path.resolve(), database.resolve()
    if resolved.parent == archive.parent and (
        resolved.name == archive.name or resolved.name.startswith(f"{archive.name}-")
    ):
        raise CannotWrite(
            f"{path} is a file of the archive itself, which an export must not replace. Name another file."
        )


def _cannot_write(error: OSError, name: str) -> CannotWrite:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CannotWrite(f"The disk that holds {name} is full. Free space, or name a file on another disk.")
    reason = error.strerror or str(error)
    return CannotWrite(f"{name} can't be written ({reason}). Name another file, or make its folder writable.")
