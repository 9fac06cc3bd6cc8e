"""An unusable database gives one clear sentence, and stays unchanged.

These tests are of SQLite's file, so they run on no other engine.
"""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import bodies
import edge_case_rows
from store import errors
from store.archive import open_archive
from store.queries.upserts import FACETS, PERSONS
from store.sqlite import migrations, opening
from store.sqlite.connections import has_wal_reset_bug
from store.sqlite.opening import prepare

pytestmark = pytest.mark.of_a_file


@pytest.fixture
def database(empty_database: Path) -> Path:
    """A file that doesn't exist, since these tests are about what opening makes of a file."""
    return empty_database


@pytest.fixture
async def filled(database: Path) -> Path:
    """A closed archive with a few hundred rows."""
    async with open_archive(database) as archive:
        rows = [bodies.interaction(number) for number in range(1, 300)]
        await bodies.put(archive, bodies.service(1), bodies.session(1), *rows)
    return database


def refused(path: Path, error: type[errors.DatabaseError], match: str) -> None:
    before = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file() and file.suffix == ".db"}
    beside = {file.name for file in path.parent.iterdir()}
    with pytest.raises(error, match=match) as caught:
        prepare(path)
    assert str(path) in str(caught.value)
    assert {file: file.read_bytes() for file in before} == before
    assert {file.name for file in path.parent.iterdir()} == beside


async def test_a_newer_database_is_refused(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("PRAGMA user_version = 99")
    refused(filled, errors.DatabaseNewer, r"has version 99, but .* up to \d+\. Upgrade Proxygraph")


def test_another_programs_database_is_refused(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE song (title)")
        connection.commit()
    refused(database, errors.DatabaseForeign, "is the SQLite database of another program")


@pytest.mark.parametrize("content", [b"hello", b"x" * 10_000])
def test_a_file_that_is_no_database_is_refused(database: Path, content: bytes) -> None:
    database.write_bytes(content)
    refused(database, errors.DatabaseForeign, "is not a Proxygraph database")


def zero_a_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * 9 : 4096 * 10] = bytes(range(256)) * 16
    path.write_bytes(content)


def cut_off_the_end(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def spoil_the_schema(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [zero_a_page, cut_off_the_end, spoil_the_schema])
async def test_a_damaged_database_is_refused(filled: Path, damage: Callable[[Path], None]) -> None:
    damage(filled)
    refused(filled, errors.DatabaseCorrupt, "is damaged: .* Restore it from a backup")


async def test_a_read_only_database_is_refused(filled: Path) -> None:
    filled.chmod(stat.S_IRUSR)
    refused(filled, errors.DatabaseReadOnly, "is read-only. Make it writable")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for other processes that times out at once."""
    monkeypatch.setattr(opening, "WRITE_PRAGMAS", "PRAGMA busy_timeout=1;")


@pytest.fixture(params=["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def held(request: pytest.FixtureRequest, filled: Path) -> Iterator[Path]:
    """A database in which another connection has an open write transaction."""
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute(request.param)
        yield filled
        other.execute("ROLLBACK")


def test_a_locked_database_is_refused(held: Path, impatient: None) -> None:
    with pytest.raises(errors.DatabaseLocked, match="is locked by another process"):
        prepare(held)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.DatabaseUnreachable, match="is a folder, but a database is one file"):
        prepare(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.DatabaseUnreachable, match=r"There is no folder .*nowhere for archive\.db\."):
        prepare(tmp_path / "nowhere" / "archive.db")


async def test_an_empty_file_becomes_an_archive(database: Path) -> None:
    database.touch()
    async with open_archive(database) as archive:
        assert archive.created


async def test_a_log_left_by_a_crash_does_not_count_as_damage(filled: Path) -> None:
    """After a crash during a checkpoint the file is shorter than its header says; the log repairs it."""
    content = filled.read_bytes()
    async with open_archive(filled) as archive:
        rows = [bodies.interaction(number) for number in range(300, 600)]
        await bodies.put(archive, *rows)
        log = filled.with_name(filled.name + "-wal").read_bytes()
    complete = filled.read_bytes()
    torn = filled.with_name("torn.db")
    torn.write_bytes(complete[:4096] + content[4096:])
    torn.with_name("torn.db-wal").write_bytes(log)
    async with open_archive(torn) as archive:
        assert [tuple(row) for row in await archive.fetch("SELECT count(*) FROM interaction")] == [(599,)]


async def test_an_older_database_is_copied_and_then_migrated(filled: Path, tmp_path: Path) -> None:
    newer = tmp_path / "migrations"
    newer.mkdir()
    for file in migrations.FOLDER.glob("*.sql"):
        (newer / file.name).write_text(file.read_text())
    last = migrations.latest(newer)
    (newer / f"{last + 1:04d}_note.sql").write_text("ALTER TABLE archive ADD COLUMN note TEXT;")
    prepare(filled, newer).close()
    with closing(sqlite3.connect(filled)) as connection:
        assert connection.execute("SELECT note FROM archive").fetchall() == [(None,)]
        assert connection.execute("PRAGMA user_version").fetchall() == [(last + 1,)]
    (copy,) = migrations.copies(filled)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchall() == [(last,)]
        assert connection.execute("SELECT count(*) FROM interaction").fetchall() == [(299,)]


async def test_a_migration_and_the_writer_agree_which_rows_are_json_safe(tmp_path: Path) -> None:
    file = tmp_path / "archive.db"
    async with open_archive(file) as archive:
        await edge_case_rows.fill(archive)
    migration = (migrations.FOLDER / "0005_plain.sql").read_text("utf-8")
    with closing(sqlite3.connect(file)) as connection:
        written = connection.execute("SELECT sid, plain FROM interaction").fetchall()
        connection.execute("UPDATE interaction SET plain = NULL")
        connection.execute(migration[migration.index("UPDATE") :])
        assert connection.execute("SELECT sid, plain FROM interaction").fetchall() == written
    assert {plain for _, plain in written} == {0, 1}


async def test_a_migration_that_fails_leaves_the_version_before_it(filled: Path, tmp_path: Path) -> None:
    broken = tmp_path / "migrations"
    broken.mkdir()
    for file in migrations.FOLDER.glob("*.sql"):
        (broken / file.name).write_text(file.read_text())
    last = migrations.latest(broken)
    (broken / f"{last + 1:04d}_broken.sql").write_text("CREATE TABLE half (done TEXT); SELECT a FROM nowhere;")
    with pytest.raises(errors.DatabaseError, match="no such table: nowhere"):
        prepare(filled, broken)
    with closing(sqlite3.connect(filled)) as connection:
        assert connection.execute("PRAGMA user_version").fetchall() == [(last,)]
        assert not connection.execute("SELECT * FROM sqlite_schema WHERE name = 'half'").fetchall()


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_the_versions_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], affected: bool) -> None:
    assert has_wal_reset_bug(version) is affected


async def test_every_record_has_its_table(database: Path) -> None:
    async with open_archive(database) as archive:
        for kind in bodies.RECORD_TYPES.values():
            table = {row[1] for row in await archive.fetch(f"PRAGMA table_info({kind.table})")}
            own = ({"kind"} if kind in FACETS else set()) | ({"plain"} if kind.plain else set())
            own |= set(PERSONS.get(kind, {}))
            assert table == set(kind.__struct_fields__) | own
    assert not database.with_name(f"{database.name}-wal").exists()
