"""``restore`` as a person or a script runs it: what it refuses, and what it says was erased again.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import json
import urllib.request
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import canary, erase, put_canaries
from running_commands import run, running
from store.archive import open_archive
from store.backups.backup import back_up

pytestmark = pytest.mark.of_a_file

ERASED = bodies.sid("KI", 2)


@pytest.fixture
def backup(database: Path, tmp_path: Path) -> Path:
    """The backup of an archive, in which a message was erased afterwards."""
    file = tmp_path / "copy.db"

    async def made() -> None:
        async with open_archive(database) as archive:
            await bodies.put(archive, bodies.service(1), bodies.session(1))
            await put_canaries(archive, [1, 2, 3], Random(1))
            await back_up(archive, file)
            await erase(archive, 2)

    asyncio.run(made())
    return file


def test_a_restore_says_what_it_has_erased_again(database: Path, backup: Path) -> None:
    refused = run("restore", str(backup), "--database", str(database))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"{database} is newer than {backup}: it has changed since. A sync")
    assert refused.stderr.endswith("Make a backup of it first if you may need it, and add --yes to replace it.\n")
    result = run("restore", str(backup), "--database", str(database), "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"Restored {database} from {backup}: 1 service, 1 session, 0 participants, 2 interactions.",
        "Erased again, by the ledger: 1 interaction.",
        f"  {ERASED}",
    ]
    assert canary(2).encode() not in database.read_bytes()


def test_a_machine_reads_what_was_erased_again(database: Path, backup: Path) -> None:
    result = run("restore", str(backup), "--database", str(database), "--yes", "--json")
    summary = json.loads(result.stdout)
    assert (result.returncode, result.stderr, summary["interactions"]) == (0, "", 2)
    assert summary["erased_again"] == {"interactions": [ERASED], "sessions": [], "participants": []}
    assert (summary["ledger_of_archive"], summary["other_ledger"]) == (True, False)


def test_an_archive_that_is_served_is_not_replaced(database: Path, backup: Path) -> None:
    with running("serve", "--database", str(database)) as address:
        urllib.request.urlopen(f"{address}/readyz", timeout=20).close()  # The address is printed before it opens it.
        result = run("restore", str(backup), "--database", str(database), "--yes")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == (
            f"{database} is open in another process, such as a server or a sync. Stop it, and run this again.\n"
        )
    assert run("restore", str(backup), "--database", str(database), "--yes").returncode == 0
    with (
        running("serve", "--database", str(database)) as address,
        urllib.request.urlopen(f"{address}/graphql?query=%7Binteractions%7BtotalCount%7D%7D", timeout=20) as answer,
    ):
        assert json.load(answer) == {"data": {"interactions": {"totalCount": 2}}}


def test_a_printed_ledger_is_replayed_where_there_is_no_archive(database: Path, backup: Path, tmp_path: Path) -> None:
    printed, new = tmp_path / "ledger.json", tmp_path / "new.db"
    printed.write_text(run("ledger", "--json", "--database", str(database)).stdout)
    alone = run("restore", str(backup), "--database", str(new))
    assert alone.stdout.splitlines()[1:] == ["The ledger names nothing that is in the backup."]
    assert "only the deletions that the backup knows are repeated" in alone.stderr
    result = run("restore", str(backup), "--database", str(new), "--ledger", str(printed), "--yes")
    assert f"  {ERASED}" in result.stdout.splitlines()
    assert canary(2).encode() not in new.read_bytes()


def test_a_read_only_archive_and_a_missing_backup_are_sentences(database: Path, backup: Path, tmp_path: Path) -> None:
    missing = run("restore", str(tmp_path / "mistyped.db"), "--database", str(database))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == f"There is no database {tmp_path / 'mistyped.db'}. Name one that exists.\n"
    database.chmod(0o400)
    result = run("restore", str(backup), "--database", str(database), "--yes")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"The file {database} is read-only.")
