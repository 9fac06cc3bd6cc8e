"""Overwrites the unallocated space of database pages with zeros: SQLite's secure_delete can leave copies of rows there.

With secure_delete on, SQLite overwrites with zeros what it frees. But when it balances a b-tree, it may move rows to a
neighbouring page; their bytes then stay in the unallocated space of the old page, even after a later deletion of these
rows (measured on SQLite 3.40: in 1 to 4 of 1,000 deletions; tests/store/test_erasure.py repeats it). The unallocated
space lies between a page's cell pointers and its cells. SQLite never reads it (§1.6 of
https://www.sqlite.org/fileformat.html), so overwriting it changes nothing else.

Overflow pages and freelist pages have no such space. They start with the four bytes of a page number; a b-tree page
starts with one byte, 2, 5, 10 or 13, for its type. So they can only be confused in a file of more than 0x02000000
pages (128 GiB). There, a page that could be either is looked up in the b-trees.
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
        """The bytes of this page; the first page is number 1."""
        return os.pread(self._database, self._size, (number - 1) * self._size)

    def zero(self, number: int, start: int, end: int) -> None:
        """Overwrites the bytes of a page from ``start`` to ``end``."""
        os.pwrite(self._database, bytes(end - start), (number - 1) * self._size + start)


def scrub(connection: sqlite3.Connection, database: int, numbers: Iterable[int]) -> list[int]:
    """Overwrites the unallocated space of those pages that belong to a b-tree; returns the numbers of damaged pages.

    ``database`` is the open file of ``connection``. Must only be called while nobody else can write the file or
    checkpoint pages into it: ``connection`` is in a write transaction, and the log is empty.
    """
    pages, scrubbed, damaged = Pages(database), False, []
    ambiguous: dict[int, tuple[int, int]] = {}
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
                ambiguous[number] = space
            else:
                pages.zero(number, *space)
                scrubbed = True
    if ambiguous:
        roots = [root for (root,) in connection.execute(ROOTS)]
        for number in in_b_trees(pages, roots, ambiguous.keys()):
            pages.zero(number, *ambiguous[number])
            scrubbed = True
    if scrubbed:
        os.fsync(database)
    return damaged


def unallocated(page: bytes, header: int = 0) -> tuple[int, int] | None:
    """Where the unallocated space of a b-tree page starts and ends; None if ``page`` is not an intact b-tree page."""
    page_type = page[header]
    if page_type not in INTERIOR_PAGES | LEAF_PAGES:
        return None
    cells, content = struct.unpack_from(">HH", page, header + 3)
    content = content or 65_536
    pointers = header + (12 if page_type in INTERIOR_PAGES else 8)
    start = pointers + 2 * cells
    if not start <= content <= len(page):
        return None
    if cells and min(struct.unpack_from(f">{cells}H", page, pointers)) < content:
        return None
    return start, content


def in_b_trees(pages: Pages, roots: Iterable[int], wanted: Iterable[int]) -> set[int]:
    """Those of ``wanted`` that belong to the b-trees with these roots.

    Reads the trees' interior pages and one leaf of each; all leaves of a b-tree have the same depth.
    """
    missing, found = set(wanted), set[int]()

    def search_below(number: int, height: int) -> None:
        children = _children(pages.read(number), FILE_HEADER_BYTES if number == 1 else 0)
        matches = missing.intersection(children)
        found.update(matches)
        missing.difference_update(matches)
        for child in children if height > 1 else ():
            if missing:
                search_below(child, height - 1)

    for root in roots:
        if root in missing:
            found.add(root)
            missing.remove(root)
        if missing and (height := _height(pages, root)):
            search_below(root, height)
    return found


def _height(pages: Pages, root: int) -> int:
    height, number = 0, root
    while children := _children(pages.read(number), FILE_HEADER_BYTES if number == 1 else 0):
        height, number = height + 1, children[0]
    return height


def _children(page: bytes, header: int) -> list[int]:
    """The numbers of the pages below an interior page; none below a leaf."""
    if page[header] not in INTERIOR_PAGES:
        return []
    (cells,) = struct.unpack_from(">H", page, header + 3)
    positions = (header + 8, *struct.unpack_from(f">{cells}H", page, header + 12))
    return [int.from_bytes(page[position : position + 4], "big") for position in positions]
