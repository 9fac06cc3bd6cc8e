"""Reading commands create nothing and read read-only files; an unusable file is reported in a sentence.

These tests are of SQLite's file, so they run on no other engine.
"""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest
from typer.testing import CliRunner

import bodies
from checkout import PATHS, ROOT
from gateway.cli.commands import commands
from store import errors
from store.archive import read_archive
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.sqlite.explanations import is_mounted_read_only
from store.sqlite.opening import prepare
from store.sqlite.writer import SQLiteWriter

pytestmark = pytest.mark.of_a_file


@pytest.mark.parametrize("command", [["ledger"], ["keys", "list"], ["keys", "revoke", "desk"]], ids=" ".join)
def test_a_reading_command_refuses_a_missing_file(tmp_path: Path, command: list[str]) -> None:
    database = tmp_path / "mistyped.db"
    result = CliRunner().invoke(commands, [*command, "--database", str(database)])
    assert result.exit_code == 1
    assert f"There is no database {database}" in result.stderr.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


async def test_a_command_reads_what_a_server_has_just_written(archive: Archive, database: Path) -> None:
    await bodies.put(archive, bodies.interaction(1))
    (found,) = await archive.reader().read(Lookup(Interaction), [bodies.sid("KI", 1)])
    assert found
    await erasure.request(archive, found, "a test")
    async with read_archive(database) as reading:
        assert [entry.sid for entry in await ledger.entries(reading)] == [bodies.sid("KI", 1)]


AS_NOBODY = """
import asyncio, os, sys, tempfile
from pathlib import Path
import bodies
from store import errors
from store.erasure import ledger
from store.archive import open_archive, read_archive

async def read(path):
    async with read_archive(path) as archive:
        print(len(await ledger.entries(archive)), "entries")

async def write(path):
    async with open_archive(path) as archive:
        await bodies.put(archive, bodies.service(2))

async def open_and_refuse(folder):
    (folder / "a.db-lock").mkdir()
    try:
        await write(folder / "a.db")
    except errors.StoreError:
        (folder / "a.db-lock").rmdir()
    await write(folder / "a.db")

# Once as before, so that all modules are loaded: not every user may read them.
with tempfile.TemporaryDirectory() as folder:
    asyncio.run(open_and_refuse(Path(folder)))
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    asyncio.run({"read": read, "write": write}[sys.argv[1]](Path(sys.argv[2])))
except errors.StoreError as error:
    print(type(error).__name__, error)
"""


def as_nobody(what: str, database: Path) -> str:
    """Runs the script as a user who is neither root nor the owner of any file; without root, as the current user."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}
    command = [sys.executable, "-c", AS_NOBODY, what, str(database)]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return result.stdout + result.stderr


def test_a_read_only_database_is_read(open_folder: Path, one_session: Path) -> None:
    database = open_folder / "archive.db"
    copy(one_session, database)
    database.chmod(0o444)
    open_folder.chmod(0o555)
    assert as_nobody("read", database) == "0 entries\n"
    assert [file.name for file in open_folder.iterdir()] == ["archive.db"]


def test_a_read_only_folder_is_named(open_folder: Path, one_session: Path) -> None:
    database = open_folder / "archive.db"
    copy(one_session, database)
    database.chmod(0o666)
    open_folder.chmod(0o555)
    printed = as_nobody("write", database)
    assert printed.startswith(f"DatabaseReadOnly The folder {open_folder} ")
    assert "Traceback" not in printed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave a file to somebody else")
def test_a_lock_of_another_user_is_named_with_its_owner(open_folder: Path, one_session: Path) -> None:
    """As left by a sync that ran as root."""
    database, lock = open_folder / "archive.db", open_folder / "archive.db-lock"
    copy(one_session, database)
    database.chmod(0o666)
    open_folder.chmod(0o777)
    lock.touch(0o600)
    printed = as_nobody("write", database)
    assert printed.startswith(f"DatabaseReadOnly The file {lock} belongs to root, and this user may not write it.")
    assert "Run it as root" in printed


def test_a_database_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.DatabaseUnreachable, match="Expected the path of a file, but got :memory:"):
        prepare(Path(":memory:"))
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_gives_a_sentence_and_the_next_run_continues(archive: Archive, database: Path) -> None:
    """Uses SQLite's limit on the file size in place of a full disk, because it causes the same error."""
    assert isinstance(archive.writer, SQLiteWriter)
    execute = archive.writer._connection.execute_fetchall
    ((pages,),) = await execute("PRAGMA page_count")
    await execute(f"PRAGMA max_page_count = {pages}")
    rows = [bodies.interaction(number, data="x" * 5_000) for number in range(1, 50)]
    with pytest.raises(errors.DatabaseFull, match=r"is full\. Free some space and try again; nothing needs restoring"):
        await bodies.put(archive, *rows)
    await execute("PRAGMA max_page_count = 1000000")
    await bodies.put(archive, *rows)
    assert [tuple(row) for row in await archive.fetch("SELECT count(*) FROM interaction")] == [(49,)]


def read_only_mounts() -> list[Path]:
    """Makes the system report these folders as mounted read-only."""
    mounts = Path("/proc/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    folders = [Path(line.split()[1]) for line in lines if "ro" in line.split()[3].split(",")]
    return [folder for folder in folders if folder.is_dir()]


@pytest.mark.skipif(not read_only_mounts(), reason="nothing is mounted for reading only here")
def test_a_read_only_mount_is_reported_as_such() -> None:
    folder = read_only_mounts()[0]
    assert is_mounted_read_only(folder)
    with pytest.raises(errors.DatabaseReadOnly, match="is on a file system that is mounted read-only"):
        prepare(folder / "archive.db")
