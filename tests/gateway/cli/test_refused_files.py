"""Files that a command can't use or may only read: the error is one sentence, and no file is left behind.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner

import bodies
from gateway.cli.commands import commands
from store import keys
from store.archive import open_archive
from store.errors import DatabaseError, DatabaseReadOnly, DatabaseUnreachable
from store.sqlite.opening import prepare, read_only_uri
from store.sqlite.sync_lock import sync_lock

pytestmark = pytest.mark.of_a_file

NOBODY = 65_534
READING = [["ledger"], ["keys", "list"]]
ACCOUNT = {"TWILIO_ACCOUNT_SID": bodies.sid("AC", 1), "TWILIO_AUTH_TOKEN": "secret"}


def refusal(*arguments: str) -> str:
    """The single line on stderr of a command that ends with 1 and prints nothing on stdout."""
    result = CliRunner().invoke(commands, list(arguments), env=ACCOUNT)
    assert (result.exit_code, result.stdout) == (1, ""), result
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def kept(database: Path) -> Path:
    """An archive with a key, whose lock and log are gone."""

    async def made() -> None:
        async with open_archive(database) as archive:
            await keys.create(archive, "console", ("read",), None)

    asyncio.run(made())
    database.with_name(database.name + "-lock").unlink()
    return database


@pytest.mark.parametrize("command", [*READING, ["keys", "revoke", "console"]])
def test_reading_and_revoking_commands_refuse_a_missing_file(command: list[str], tmp_path: Path) -> None:
    missing = tmp_path / "mistyped.db"
    assert refusal(*command, "--database", str(missing)) == f"There is no database {missing}. Name one that exists."
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [*READING, ["keys", "revoke", "console"], ["serve", "--port", "0"], ["sync"]])
def test_a_database_in_memory_is_refused_by_every_command(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(*command, "--database", ":memory:").startswith("Expected the path of a file, but got :memory:.")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", READING)
def test_a_reading_command_reads_a_read_only_file_and_creates_no_file_beside_it(command: list[str], kept: Path) -> None:
    kept.chmod(stat.S_IRUSR)
    kept.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    before = kept.read_bytes()
    try:
        result = CliRunner().invoke(commands, [*command, "--database", str(kept)])
        assert (result.exit_code, result.stderr) == (0, "")
        assert ("console" in result.stdout) is (command == ["keys", "list"])
        assert [file.name for file in kept.parent.iterdir()] == [kept.name]
    finally:
        kept.parent.chmod(stat.S_IRWXU)
    assert kept.read_bytes() == before


@pytest.mark.parametrize("command", READING)
def test_a_reading_command_sees_what_a_server_has_just_written(command: list[str], kept: Path) -> None:
    async def read_meanwhile() -> str:
        async with open_archive(kept) as archive:
            await keys.create(archive, "new-one", ("read",), None)
            result = await asyncio.to_thread(CliRunner().invoke, commands, [*command, "--database", str(kept)])
            assert (result.exit_code, result.stderr) == (0, "")
            return result.stdout

    assert ("new-one" in asyncio.run(read_meanwhile())) is (command == ["keys", "list"])


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["sync"], ["seed"], ["demo", "--port", "0"]])
def test_an_unwritable_folder_is_named(command: list[str], tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        line = refusal(*command, "--database", str(tmp_path / "a.db"))
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert line.startswith(f"The folder {tmp_path} is read-only")
    assert not list(tmp_path.iterdir())


def test_a_sync_creates_no_folder(tmp_path: Path) -> None:
    assert refusal("sync", "--database", str(tmp_path / "no" / "a.db")).startswith(f"There is no folder {tmp_path}/no")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [*READING, ["keys", "revoke", "console"], ["serve", "--port", "0"], ["sync"]])
def test_an_impossible_file_name_is_refused_in_a_sentence(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    reason = "File name too long"
    assert refusal(*command, "--database", str(path)) == f"{path} can't be reached ({reason}). Name another file."


def test_keys_create_says_that_it_created_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    for times in (1, 0):
        name = f"key-{times}"
        made = ["keys", "create", name, "--scope", "read", "--database", str(path)]
        result = CliRunner().invoke(commands, made)
        assert result.exit_code == 0
        assert result.stderr.count(f"Created {path}, a new and empty archive.") == times


@contextmanager
def somebody_else() -> Iterator[None]:
    """Runs the block as another user if the user is root, because root ignores file modes."""
    if os.geteuid() != 0:
        yield
        return
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that others may enter, unlike pytest's."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        try:
            yield Path(folder)
        finally:
            for path in (Path(folder), *Path(folder).iterdir()):
                path.chmod(0o755)


def locked(path: Path) -> None:
    with sync_lock(path):
        raise AssertionError("It was locked.")


@pytest.mark.parametrize("use", [prepare, read_only_uri, locked])
def test_a_folder_without_permission_to_enter_gives_a_sentence(use: Callable[[Path], object], elsewhere: Path) -> None:
    path = elsewhere / "closed" / "a.db"
    path.parent.mkdir()
    path.touch()
    path.parent.chmod(0)
    with somebody_else(), pytest.raises(DatabaseUnreachable, match=r"can't be reached \(Permission denied\)"):
        use(path)


def test_a_file_without_permission_to_read_gives_a_sentence(elsewhere: Path) -> None:
    path = elsewhere / "a.db"
    path.write_bytes(b"x")
    path.chmod(0)
    with somebody_else(), pytest.raises(DatabaseError, match="and this user may not read it"):
        read_only_uri(path)


def test_a_lock_file_of_another_user_is_named_in_a_sentence(elsewhere: Path) -> None:
    path, lock = elsewhere / "a.db", elsewhere / "a.db-sync-lock"
    path.touch()
    path.chmod(0o666)
    lock.touch()
    lock.chmod(0)
    elsewhere.chmod(0o777)
    with somebody_else(), pytest.raises(DatabaseReadOnly, match=f"The file {lock} "):
        locked(path)
