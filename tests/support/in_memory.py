"""Temporary files in the machine's memory, so that no test waits for a disk."""

import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path("/dev/shm")
"""Linux has a file system in memory here; a container's may be small, and may refuse to run programs."""
ENOUGH_BYTES = 2 * 2**30 + (os.cpu_count() or 1) * 2**30
"""Twice what the tests take at their peak: on PostgreSQL 0.7 GB for each of their processes, on SQLite 0.1 GB."""


def in_memory() -> None:
    """Makes this process and its children put temporary files there, if there is room and TMPDIR names no folder."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(FOLDER)
        tempfile.tempdir = None  # It is decided anew with the next file.


def _has_room() -> bool:
    try:
        runs_programs = not os.statvfs(FOLDER).f_flag & os.ST_NOEXEC
        return runs_programs and os.access(FOLDER, os.W_OK) and shutil.disk_usage(FOLDER).free >= ENOUGH_BYTES
    except OSError:
        return False
