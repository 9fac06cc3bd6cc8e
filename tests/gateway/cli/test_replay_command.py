"""``restore --ledger`` without a backup, and what ``backup`` and ``restore`` say of an archive in PostgreSQL."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import bodies
from bodies import sid
from databases import New, value
from gateway.cli.commands import commands
from store.archive import open_archive
from store.engine.database import Database
from store.erasure import interactions as erasure
from store.interactions import Interaction
from store.queries.lookups import Lookup

OLD = (bodies.service(1), bodies.session(1), bodies.interaction(1), bodies.interaction(2))


ASKED_BY = '=\'"alice",\r\n; bob'
"""What CSV has to quote and to guard."""


def command(*arguments: object) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


@pytest.fixture
def older(new_database: New) -> Database:
    """An archive as an operator has put it back."""
    return filled(new_database())


@pytest.fixture(params=["json", "csv"])
def printed(request: pytest.FixtureRequest, new_database: New, tmp_path: Path) -> Path:
    """The ledger of the same archive, printed after an Interaction was erased by somebody with an odd name."""

    async def erase() -> None:
        async with open_archive(database) as archive:
            (found,) = await archive.reader().read(Lookup(Interaction), [sid("KI", 1)])
            assert found
            await erasure.request(archive, found, ASKED_BY)
            await erasure.erase(archive, found.sid)

    database, file = filled(new_database()), tmp_path / f"ledger.{request.param}"
    asyncio.run(erase())
    file.write_bytes(command("ledger", "--database", database, f"--{request.param}").stdout_bytes)
    return file


def filled(database: Database) -> Database:
    async def made() -> None:
        async with open_archive(database) as archive:
            await bodies.put(archive, *OLD)

    asyncio.run(made())
    return database


def test_a_ledger_is_replayed_in_the_archive_as_it_is(older: Database, printed: Path) -> None:
    run = command("restore", "--database", older, "--ledger", printed)
    assert run.exit_code == 0, run.output
    assert f"Replayed 1 entries of the ledger of {printed} in {older}." in run.stdout.replace("\n", "")
    assert f"Erased again, by the ledger: 1 interaction.\n  {sid('KI', 1)}\n" in run.stdout
    assert value(older, "SELECT count(*) FROM interaction") == 1
    assert value(older, "SELECT requested_by FROM deletion") == ASKED_BY
    again: dict[str, Any] = json.loads(command("restore", "--database", older, "--ledger", printed, "--json").stdout)
    assert (again["entries"], again["erased_again"]["interactions"]) == (1, [])


@pytest.mark.parametrize("printed", ["csv"], indirect=True)
@pytest.mark.parametrize(
    ("pattern", "becomes", "finding"),
    [
        ("intended_at", "asked", "it has no column intended_at"),
        (",", ";", "which is neither"),
        (r"(\d)T(\d)", r"\1 \2", "intended_at of its line 2 is not a time as the ledger writes it"),
        (r"\d{4}-\d\d-\d\dT[^,]*", "", "its line 2 lacks a value, or has one that no ledger has"),
    ],
)
def test_a_ledger_that_a_spreadsheet_has_stored_is_refused(
    older: Database, printed: Path, pattern: str, becomes: str, finding: str
) -> None:
    printed.write_text(re.sub(pattern, becomes, printed.read_text("utf-8")), "utf-8")
    run = command("restore", "--database", older, "--ledger", printed)
    assert run.exit_code == 1
    assert finding in " ".join(run.output.split())
    assert value(older, "SELECT count(*) FROM interaction") == 2


def test_without_a_backup_a_ledger_is_needed(older: Database) -> None:
    run = command("restore", "--database", older)
    assert run.exit_code == 2
    assert "Expected a backup, or --ledger to replay a ledger" in run.output


def test_postgresql_is_backed_up_and_put_back_by_its_own_tools(empty_postgresql: str, tmp_path: Path) -> None:
    made = command("backup", tmp_path / "backup.db", "--database", empty_postgresql)
    put_back = command("restore", tmp_path / "backup.db", "--database", empty_postgresql)
    assert (made.exit_code, put_back.exit_code) == (2, 2)
    assert "is backed up by PostgreSQL's own tools" in " ".join(made.output.split())
    assert "is put back by PostgreSQL's own tools" in " ".join(put_back.output.split())
    assert not list(tmp_path.glob("backup*"))
