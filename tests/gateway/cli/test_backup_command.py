"""``backup`` as a person, a script or a timer runs it: beside a server, in a pipe, with a read-only file.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import json
import re
import sqlite3
import stat
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

import bodies
from running_commands import run, running
from store.archive import open_archive

pytestmark = pytest.mark.of_a_file

MESSAGES = 30


@pytest.fixture
def filled(database: Path) -> Path:
    async def made() -> None:
        async with open_archive(database) as archive:
            await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.participant(1))
            await bodies.put(archive, *(bodies.interaction(number) for number in range(1, MESSAGES + 1)))

    asyncio.run(made())
    return database


def messages(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        ((number,),) = connection.execute("SELECT count(*) FROM interaction").fetchall()
        return int(number)


def test_a_backup_is_made_beside_a_server_and_reported_in_a_sentence(filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with running("serve", "--database", str(filled)) as address:
        urllib.request.urlopen(f"{address}/readyz", timeout=20).close()
        result = run("backup", str(copy), "--database", str(filled))
    assert (result.returncode, result.stderr) == (0, "")
    size = f"{copy.stat().st_size / 1e6:.1f} MB"
    assert result.stdout == (
        f"Backed up {filled} to {copy}: 1 service, 1 session, 1 participant, {MESSAGES} interactions; {size}; "
        "checked.\n"
    )
    assert (messages(copy), stat.S_IMODE(copy.stat().st_mode)) == (MESSAGES, 0o600)


def test_a_folder_rotates_and_a_machine_reads_what_was_removed(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    first = run("backup", str(folder / "archive-20260101T000000Z.db"), "--database", str(filled))
    assert first.returncode == 0
    result = run("backup", str(folder), "--keep", "1", "--database", str(filled), "--json")
    summary = json.loads(result.stdout)
    assert (result.returncode, result.stderr, summary["interactions"]) == (0, "", MESSAGES)
    assert summary["removed"] == [str(folder / "archive-20260101T000000Z.db")]
    assert [str(file) for file in folder.iterdir()] == [summary["path"]]
    assert re.fullmatch(r"archive-\d{8}T\d{6}Z\.db", Path(summary["path"]).name)


def test_a_backup_that_was_deleted_is_forgotten_on_request_alone(filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run("backup", str(copy), "--database", str(filled)).returncode == 0
    refused = run("backup", str(copy), "--forget", "--database", str(filled))
    assert (refused.returncode, refused.stderr) == (1, f"{copy} is still there. Delete it first.\n")
    copy.unlink()
    assert json.loads(run("status", "--json", "--database", str(filled)).stdout)["backups_gone"] == [str(copy)]
    result = run("backup", str(copy), "--forget", "--database", str(filled))
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(run("status", "--json", "--database", str(filled)).stdout)["backups"] == []
    assert run("backup", str(copy), "--forget", "--database", str(filled)).stderr.startswith("The archive has noted no")
    assert not copy.exists()


def test_to_keep_some_wants_a_folder(filled: Path, tmp_path: Path) -> None:
    result = run("backup", str(tmp_path / "copy.db"), "--keep", "7", "--database", str(filled))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"--keep needs an existing folder, but got {tmp_path / 'copy.db'}.")


def test_an_archive_that_may_not_be_written_is_not_backed_up_since_nobody_would_know_of_it(
    filled: Path, tmp_path: Path
) -> None:
    filled.chmod(0o400)
    result = run("backup", str(tmp_path / "copy.db"), "--database", str(filled))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"The file {filled} is read-only.")
    assert not (tmp_path / "copy.db").exists()


def test_a_missing_archive_is_a_sentence_and_nothing_is_created(tmp_path: Path) -> None:
    result = run("backup", str(tmp_path / "copy.db"), "--database", str(tmp_path / "mistyped.db"))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"There is no database {tmp_path / 'mistyped.db'}. Name one that exists.\n"
    assert not list(tmp_path.iterdir())
