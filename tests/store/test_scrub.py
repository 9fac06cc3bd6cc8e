"""The scrub overwrites all unallocated space of b-tree pages and nothing else, however large the file is.

These tests are of SQLite's file, so they run on no other engine.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copy

import pytest

import bodies
from store.archive import open_archive
from store.erasure import interactions as erasure
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.sqlite.scrub import scrub, unallocated

pytestmark = pytest.mark.of_a_file

FIRST_MISTAKABLE = 0x0200_0000
"""From this page number on (128 GiB), the first byte of a page number can be that of a b-tree page."""


def extend(database: Path, pages: int) -> None:
    """Makes the file this many pages long, as a sparse file."""
    with database.open("r+b") as file:
        header = bytearray(file.read(100))
        header[28:32] = pages.to_bytes(4, "big")
        header[92:96] = header[24:28]
        file.seek(0)
        file.write(header)
        file.truncate(pages * 4096)


def test_only_unallocated_space_is_ever_zeroed(tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * (n % 3_000),) for n in range(500)])
        connection.execute("DELETE FROM t WHERE rowid % 3 = 0")
        connection.commit()
    before = path.read_bytes()
    pages = len(before) // 4096
    with path.open("r+b") as file, closing(sqlite3.connect(path)) as connection:
        assert scrub(connection, file.fileno(), range(pages + 10)) == []
    after = path.read_bytes()
    assert after != before
    for number in range(pages):
        page, header = before[number * 4096 :][:4096], 100 if number == 0 else 0
        start, end = unallocated(page, header) or (0, 0)
        assert after[number * 4096 :][:4096] == page[:start] + bytes(end - start) + page[end:]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(
    "page", [bytes(4096), b"\x0d" + b"\xff" * 4095, b"\x0d\0\0\0\x01\x0f\x00\0\0\x01" + bytes(4086)]
)
def test_a_page_that_is_not_an_intact_b_tree_page_is_not_changed(page: bytes) -> None:
    assert unallocated(page) is None


async def test_beyond_128_gib_no_byte_of_an_overflow_page_is_zeroed(one_session: Path, tmp_path: Path) -> None:
    """An overflow page starts with the number of the next page, followed by content that anybody may have written."""
    database = tmp_path / "archive.db"
    copy(one_session, database)
    extend(database, FIRST_MISTAKABLE - 40)
    # With such bytes an overflow page whose next one is 0x02000000 looks like a sound index page with free space.
    lookalike = "\x0f" * 4_092 * 90
    async with open_archive(database, check_for_damage=False) as archive:
        await bodies.put(
            archive, bodies.interaction(1, data=lookalike), bodies.interaction(2, data='{"body": "CANARY"}')
        )
        (found,) = await archive.reader().read(Lookup(Interaction), [bodies.sid("KI", 2)])
        assert found
        await erasure.request(archive, found, "a test")
        assert await erasure.erase(archive, found.sid)
        (kept,) = await archive.reader().read(Lookup(Interaction), [bodies.sid("KI", 1)])
        assert kept
        assert kept.data == lookalike
    with database.open("rb") as file:
        assert b"CANARY" not in file.read(2**22)
        file.seek((FIRST_MISTAKABLE - 41) * 4096)
        assert b"CANARY" not in file.read()


def test_beyond_128_gib_index_pages_are_found_by_the_trees(tmp_path: Path) -> None:
    database = tmp_path / "any.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("CREATE INDEX t_by_a ON t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"{n % 977:0100d}",) for n in range(9_000)])
        connection.commit()
    content = database.read_bytes()
    interior = {}
    with database.open("r+b") as file:
        for number in range(2, len(content) // 4096 + 1):
            page = content[(number - 1) * 4096 :][:4096]
            if page[0] == 0x02 and (space := unallocated(page)) and space[0] < space[1]:
                interior[number] = space
                file.seek((number - 1) * 4096 + space[0])
                file.write(b"x" * (space[1] - space[0]))
    assert interior
    extend(database, FIRST_MISTAKABLE + 10)
    with database.open("r+b") as file, closing(sqlite3.connect(database)) as connection:
        assert scrub(connection, file.fileno(), range(1, len(content) // 4096 + 1)) == []
        for number, (start, end) in interior.items():
            file.seek((number - 1) * 4096)
            assert not any(file.read(4096)[start:end])
