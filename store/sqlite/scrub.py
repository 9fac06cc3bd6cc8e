"""Zeros in the unallocated space of database pages, where SQLite's secure_delete can leave copies of rows behind.

With secure_delete on SQLite zeros what it frees, but when it balances a b-tree and has to rebuild a page, the
bytes of rows that moved to a neighbour stay in the page's unallocated space, and outlive a later deletion of
those rows (measured on SQLite 3.40: 1 to 4 in 1,000 deletions; tests/store/test_erasure.py repeats it). That space
lies between a page's cell pointers and its cells, and SQLite never reads it (§1.6 of
https://www.sqlite.org/fileformat.html), so zeros there change nothing but what can be found in the file.

Overflow pages and freelist pages have no such space. They begin with a page number, and b-tree pages with a number
from 2 to 13 as their first byte, so the two can be mistaken for each other only in a file of more than 0x02000000
pages (128 GiB). There a page that could be either is looked up in the b-trees themselves.
"""

import os
import sqlite3
import struct
from collections.abc import Iterable

INTERIOR_PAGES, LEAF_PAGES = frozenset({0x02, 0x05}), frozenset({0x0A, 0x0D})
FILE_HEADER_BYTES = 100
ROOTS = "SELECT 1 UNION ALL SELECT rootpage FROM sqlite_schema WHERE rootpage > 0"


class Pages:
    """The pages of an open database file."""

    def __init__(self, database: int) -> None:
        self._database = database
        size_field = int.from_bytes(os.pread(database, 2, 16), "big")
        self._size = 65_536 if size_field == 1 else size_field
        self.last = os.fstat(database).st_size // self._size if self._size else 0

    def read(self, number: int) -> bytes:
        """The page of this number; the first is 1."""
        return os.pread(self._database, self._size, (number - 1) * self._size)

    def zero(self, number: int, start: int, end: int) -> None:
        """Overwrites the bytes of a page from ``start`` to ``end``."""
        os.pwrite(self._database, bytes(end - start), (number - 1) * self._size + start)


def scrub(connection: sqlite3.Connection, database: int, numbers: Iterable[int]) -> list[int]:
    """Zeros the unallocated space of those of the pages that belong to a b-tree; returns those that are damaged.

    ``database`` is the open file of ``connection``. Only to be called while no one else can write the file or move
    pages into it: the connection is in a write transaction, and the log is empty.
    """
    pages, scrubbed, damaged = Pages(database), False, []
    unsure: dict[int, tuple[int, int]] = {}
    for number in sorted(numbers):
        if not 0 < number <= pages.last:
            continue
        page = pages.read(number)
        header = FILE_HEADER_BYTES if number == 1 else 0
        may_be_overflow = number > 1 and int.from_bytes(page[:4], "big") <= pages.last
        if page[header] not in INTERIOR_PAGES | LEAF_PAGES:
            continue
        space = unallocated(page, header)
        if space is None:
            damaged += [] if may_be_overflow else [number]
        elif page.count(0, *space) != space[1] - space[0]:
            if may_be_overflow:
                unsure[number] = space
            else:
                pages.zero(number, *space)
                scrubbed = True
    if unsure:
        roots = [root for (root,) in connection.execute(ROOTS)]
        for number in of_b_trees(pages, roots, unsure.keys()):
            pages.zero(number, *unsure[number])
            scrubbed = True
    if scrubbed:
        os.fsync(database)
    return damaged


def unallocated(page: bytes, header: int = 0) -> tuple[int, int] | None:
    """Where the unallocated space of a b-tree page starts and ends; None where ``page`` is no sound b-tree page."""
    kind = page[header]
    if kind not in INTERIOR_PAGES | LEAF_PAGES:
        return None
    cells, content = struct.unpack_from(">HH", page, header + 3)
    content = content or 65_536
    pointers = header + (12 if kind in INTERIOR_PAGES else 8)
    start = pointers + 2 * cells
    if not start <= content <= len(page):
        return None
    if cells and min(struct.unpack_from(f">{cells}H", page, pointers)) < content:
        return None
    return start, content


def of_b_trees(pages: Pages, roots: Iterable[int], wanted: Iterable[int]) -> set[int]:
    """Those of ``wanted`` that belong to the b-trees with these roots.

    Reads the trees' interior pages, and one leaf of each, since all leaves of a b-tree are at one depth.
    """
    left, found = set(wanted), set[int]()

    def look_below(number: int, height: int) -> None:
        children = _children(pages.read(number), FILE_HEADER_BYTES if number == 1 else 0)
        met = left.intersection(children)
        found.update(met)
        left.difference_update(met)
        for child in children if height > 1 else ():
            if left:
                look_below(child, height - 1)

    for root in roots:
        if root in left:
            found.add(root)
            left.remove(root)
        if left and (height := _height(pages, root)):
            look_below(root, height)
    return found


def _height(pages: Pages, root: int) -> int:
    height, number = 0, root
    while children := _children(pages.read(number), FILE_HEADER_BYTES if number == 1 else 0):
        height, number = height + 1, children[0]
    return height


def _children(page: bytes, header: int) -> list[int]:
    """The pages below an interior page; none where it is a leaf."""
    if page[header] not in INTERIOR_PAGES:
        return []
    (cells,) = struct.unpack_from(">H", page, header + 3)
    positions = (header + 8, *struct.unpack_from(f">{cells}H", page, header + 12))
    return [int.from_bytes(page[position : position + 4], "big") for position in positions]
