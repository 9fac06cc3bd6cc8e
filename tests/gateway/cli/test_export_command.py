"""``export`` as a person, a log or a machine sees it: its help, its progress, and beside a server."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bodies
from gateway.cli import export_command
from gateway.cli.commands import commands
from gateway.export import run as export_run
from gateway.export.filter_options import ORDER_BY, all_options
from running_commands import in_a_terminal, run, running
from store.archive import open_archive
from store.engine.database import Database


@pytest.fixture
async def filled(database: Database) -> Database:
    """An archive with three interactions that nobody has open."""
    async with open_archive(database) as archive:
        rows = (bodies.interaction(number) for number in range(1, 4))
        await bodies.put(archive, bodies.service(1), bodies.session(1), *rows)
    return database


def test_the_help_has_every_filter_of_the_api_at_80_columns() -> None:
    shown = CliRunner().invoke(commands, ["export", "--help"], env={"COLUMNS": "80"}).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert not {ORDER_BY, *all_options()} - set(re.findall(r"--[a-z-]+", shown))


def test_a_terminal_shows_what_was_exported(filled: Database, tmp_path: Path) -> None:
    shown = in_a_terminal(80, "export", "--to", str(tmp_path / "all.jsonl"), "--database", str(filled))
    assert f"Exported 3 interactions to {tmp_path / 'all.jsonl'}: " in shown


def test_without_a_terminal_progress_is_lines_on_stderr(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_command, "LOG_EVERY_SECONDS", -1)
    file = str(tmp_path / "all.csv")
    result = CliRunner().invoke(commands, ["export", "--to", file, "--database", str(filled)])
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "Exporting: 0 of 3 interactions.",
        "Exporting: 3 of 3 interactions.",
    ]


def test_json_logs_have_the_summary_as_json(filled: Database, tmp_path: Path) -> None:
    file = str(tmp_path / "all.csv")
    done = run("export", "--to", file, "--database", str(filled), PROXYGRAPH_LOG_FORMAT="json")
    assert json.loads(done.stdout)["message"].startswith(f"Exported 3 interactions to {file}: ")


@pytest.mark.parametrize(("to", "told"), [("-", "Stopped.\n"), ("all.csv", "Stopped; no file was written.\n")])
def test_an_export_that_is_stopped_says_so(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(export_run, "export", stopped)
    result = CliRunner().invoke(commands, ["export", "--to", to, "--database", str(filled)])
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", told)


def test_it_exports_beside_a_running_server(filled: Database) -> None:
    with running("serve", "--database", str(filled)):
        done = run("export", "--to", "-", "--type", "message", "--database", str(filled))
    assert (done.returncode, done.stdout.count("\n")) == (0, 3)


def test_a_missing_database_is_named_and_not_created(tmp_path: Path) -> None:
    database = tmp_path / "mistyped.db"
    done = run("export", "--to", str(tmp_path / "all.csv"), "--database", str(database))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"There is no database {database}")
    assert list(tmp_path.iterdir()) == []


def test_parquet_is_not_written_to_a_terminal(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.export.destinations.is_terminal", lambda to: to == "-")
    result = CliRunner().invoke(commands, ["export", "--to", "-", "--format", "parquet", "--database", str(filled)])
    assert result.exit_code == 2
    assert result.stderr == "--to: expected a file, because a terminal can't show Parquet, but got -.\n"
