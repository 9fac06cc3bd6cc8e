"""Files are private, and a database behind a symbolic link works fully.

These tests are of SQLite's file, so they run on no other engine.
"""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import bodies
from gateway_under_test import serving
from store import errors, keys
from store.archive import open_archive
from store.erasure import interactions as erasure
from store.errors import SyncAlreadyRunning
from store.interactions import Interaction
from store.sqlite import migrations
from store.sqlite.migrations import copies
from store.sqlite.opening import prepare
from store.sqlite.sync_lock import sync_lock
from store.twilio_mapping import record

pytestmark = pytest.mark.of_a_file


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in folder.iterdir() if not file.is_symlink()}


async def test_every_file_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    database = tmp_path / "archive.db"
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.interaction(1))
        with sync_lock(database):
            found = modes(tmp_path)
    assert {f"archive.db{suffix}" for suffix in ("", "-wal", "-shm", "-lock", "-sync-lock")} <= set(found)
    assert set(found.values()) == {"0o600"}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660])
def test_the_copy_made_before_a_migration_is_private(tmp_path: Path, umask: int, mode: int) -> None:
    """A copy is never shared, even if the database is."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for number, file in enumerate(sorted(migrations.FOLDER.glob("*.sql"))[:3]):
        (folder / file.name).write_text(file.read_text("utf-8"))
        if number:
            prepare(tmp_path / "archive.db", folder).close()
            (tmp_path / "archive.db").chmod(mode)
    (copy,) = copies(tmp_path / "archive.db")
    assert oct(stat.S_IMODE(copy.stat().st_mode)) == "0o600"
    assert oct(stat.S_IMODE((tmp_path / "archive.db").stat().st_mode)) == oct(mode)


@pytest.mark.parametrize(("mode", "of_locks"), [(0o600, 0o600), (0o640, 0o600), (0o644, 0o600), (0o660, 0o660)])
async def test_an_existing_files_mode_stays_and_new_files_get_what_writers_need(
    tmp_path: Path, umask: int, mode: int, of_locks: int
) -> None:
    """SQLite gives its log the database's mode. Others could hold a lock that they may open."""
    database = tmp_path / "archive.db"
    async with open_archive(database):
        pass
    for file in tmp_path.iterdir():
        file.unlink() if file != database else file.chmod(mode)
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1))
        with sync_lock(database):
            found = modes(tmp_path)
    locks = ("archive.db-lock", "archive.db-sync-lock")
    assert {found.pop(name) for name in locks} == {oct(of_locks)}
    assert found.pop("archive.db-to-clean", oct(of_locks)) == oct(of_locks)
    assert found == dict.fromkeys(("archive.db", "archive.db-wal", "archive.db-shm"), oct(mode))


async def test_a_lock_that_is_private_stays_private_beside_a_database_that_is_not(tmp_path: Path) -> None:
    database = tmp_path / "archive.db"
    async with open_archive(database):
        pass
    database.chmod(0o644)
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1))
        assert modes(tmp_path)["archive.db-lock"] == "0o600"


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o644, True)])
async def test_a_database_readable_by_others_is_named(
    tmp_path: Path, mode: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    database = tmp_path / "archive.db"
    async with open_archive(database):
        pass
    database.chmod(mode)
    caplog.set_level(logging.WARNING, "proxygraph.store")
    async with open_archive(database):
        pass
    assert [f"{database} can be read by others" in record.getMessage() for record in caplog.records] == [True] * warned


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".version-5"])
async def test_any_file_with_content_readable_by_others_is_named(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = tmp_path / "an archive.db"
    async with open_archive(database) as holding:
        await bodies.put(holding, bodies.service(1))
        file = tmp_path / f"an archive.db{suffix}"
        file.touch()
        file.chmod(0o644)
        caplog.set_level(logging.WARNING, "proxygraph.store")
        async with open_archive(database):
            pass
    (record,) = caplog.records
    assert record.getMessage() == (f"{file} can be read by others on this machine. Make it private: chmod 600 '{file}'")


async def test_a_new_database_in_an_empty_file_readable_by_others_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = tmp_path / "archive.db"
    database.touch()
    database.chmod(0o644)
    caplog.set_level(logging.WARNING, "proxygraph.store")
    async with open_archive(database):
        pass
    assert "can be read by others" in caplog.records[0].getMessage()


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A symbolic link to a database that doesn't exist yet, in another folder."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "archive.db"
    link.symlink_to(tmp_path / "disk" / "real.db")
    return link


async def test_a_database_behind_a_symbolic_link_works(linked: Path) -> None:
    """Reads, writes, keys, the sync lock and erasures, through the link and through the file itself."""
    real = linked.resolve()
    canary = "a canary in a linked file"
    body = bodies.interaction(1, data=f'{{"body": "{canary}"}}')
    async with open_archive(linked) as archive, open_archive(real) as beside:
        await bodies.put(archive, bodies.service(1), bodies.session(1), body)
        key = await keys.create(archive, "console", ("read",), None)
        assert await keys.find(beside, key) is not None
        with sync_lock(linked), pytest.raises(SyncAlreadyRunning), sync_lock(real):
            pass
        interaction = record(Interaction, body)
        await erasure.request(archive, interaction, "a test")
        await erasure.erase(archive, interaction.sid)
        assert archive.log_bytes() == real.with_name("real.db-wal").stat().st_size
    assert [file.name for file in linked.parent.iterdir()] == ["archive.db"]
    assert {file.name for file in real.parent.iterdir()} >= {"real.db", "real.db-lock", "real.db-sync-lock"}
    for file in real.parent.iterdir():
        assert canary.encode() not in file.read_bytes(), file.name


async def test_a_database_behind_a_symbolic_link_is_served(linked: Path) -> None:
    async with open_archive(linked) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.interaction(1))
    mutation = "mutation ($sid: ID!) { deleteInteraction(input: { sid: $sid }) { deletedInteractionId } }"
    async with serving(linked) as client:
        asked = {"query": mutation, "variables": {"sid": bodies.sid("KI", 1)}}
        async with client.post("/graphql", json=asked) as response:
            answer = await response.json()
            assert answer["data"]["deleteInteraction"]["deletedInteractionId"] == bodies.sid("KI", 1)


async def test_a_loop_of_links_is_reported(tmp_path: Path) -> None:
    (tmp_path / "one.db").symlink_to(tmp_path / "two.db")
    (tmp_path / "two.db").symlink_to(tmp_path / "one.db")
    with pytest.raises(errors.DatabaseUnreachable):
        async with open_archive(tmp_path / "one.db"):
            pass
