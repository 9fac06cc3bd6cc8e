"""Zeros in the unallocated space of database pages, where SQLite's secure_delete can leave copies of rows behind.

With secure_delete on SQLite zeros what it frees, but when it balances a b-tree and has to rebuild a page, the
bytes of rows that moved to a neighbour stay in the page's unallocated space, and outlive a later deletion of
those rows (measured on SQLite 3.40: 1 to 4 in 1,000 deletions; tests/test_erasure.py repeats it). That space
lies between a page's cell pointers and its cells, and SQLite never reads it (§1.6 of
https://www.sqlite.org/fileformat.html), so zeros there change nothing but what can be found in the file.
"""

import os
import sqlite3
import struct
from collections.abc import Iterable
from pathlib import Path

INTERIOR_PAGES, LEAF_PAGES = frozenset({0x02, 0x05}), frozenset({0x0A, 0x0D})
FILE_HEADER_BYTES = 100
LOG_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
PAGES_TOO_MANY = 0x0200_0000
"""From here on an overflow page, which starts with a page number, could pass for a b-tree page."""


def pages_in_log(log: Path) -> set[int]:
    """The numbers of the pages that the write-ahead log holds a version of; a page may no longer matter."""
    try:
        with log.open("rb") as file:
            header = file.read(LOG_HEADER_BYTES)
            if len(header) < LOG_HEADER_BYTES:
                return set()
            page_size = int.from_bytes(header[8:12], "big")
            pages = set()
            while frame := file.read(FRAME_HEADER_BYTES):
                pages.add(int.from_bytes(frame[:4], "big"))
                file.seek(page_size, os.SEEK_CUR)
            return pages
    except FileNotFoundError:
        return set()


def scrub(database: int, pages: Iterable[int]) -> int:
    """Zeros the unallocated space of those b-tree pages of the open file ``database``; returns how many had some.

    Only to be called while no one else can write the file or move pages into it: a write transaction is open
    and the log is empty.
    """
    size_field = int.from_bytes(os.pread(database, 2, 16), "big")
    page_size = 65_536 if size_field == 1 else size_field
    last = os.fstat(database).st_size // page_size
    if last >= PAGES_TOO_MANY:
        return 0
    scrubbed = 0
    for number in sorted(pages):
        if not 0 < number <= last:
            continue
        offset = (number - 1) * page_size
        page = os.pread(database, page_size, offset)
        start, end = unallocated(page, FILE_HEADER_BYTES if number == 1 else 0)
        if page.count(0, start, end) != end - start:
            os.pwrite(database, bytes(end - start), offset + start)
            scrubbed += 1
    if scrubbed:
        os.fsync(database)
    return scrubbed


def empty_log(connection: sqlite3.Connection, database: int, log: Path) -> bool:
    """Moves the whole log into the database, empties it, and scrubs the pages that were moved.

    ``database`` is the open file of ``connection``. Returns False where a reader held the log up. To be called by
    one writer at a time.
    """
    pages = pages_in_log(log)
    ((held_up, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if held_up:
        return False
    connection.execute("BEGIN IMMEDIATE")
    try:
        scrub(database, pages)
    finally:
        connection.execute("ROLLBACK")
    return True


def unallocated(page: bytes, header: int = 0) -> tuple[int, int]:
    """Where a b-tree page's unallocated space starts and ends; (0, 0) where ``page`` is no b-tree page."""
    kind = page[header]
    if kind not in INTERIOR_PAGES | LEAF_PAGES:
        return 0, 0
    cells, content = struct.unpack_from(">HH", page, header + 3)
    content = content or 65_536
    pointers = header + (12 if kind in INTERIOR_PAGES else 8)
    start = pointers + 2 * cells
    if not start <= content <= len(page):
        return 0, 0
    if cells and min(struct.unpack_from(f">{cells}H", page, pointers)) < content:
        return 0, 0
    return start, content
