"""The output of the commands at a terminal, in a file and for a log collector."""

import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

import bodies
from gateway.cli.command_line import SETTINGS_GROUPS
from gateway.cli.commands import commands
from gateway.cli.tables import show
from gateway.cli.twilio.sync_command import table
from gateway.settings.commands import DemoSettings, KeysSettings
from gateway.settings.sources import variable
from gateway.settings.unknown import misspelt
from running_commands import in_a_terminal, run
from store import keys
from store.archive import open_archive
from store.engine.database import Database
from store.sync.runs import RunCounts

SESSION, INTERACTION = bodies.sid("KC", 1), bodies.sid("KI", 1)
ASKED = "2026-11-28T07:00:00.000Z"


@pytest.fixture
async def written(database: Database) -> Database:
    """An archive with a deletion in its ledger, and a key."""
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.interaction(1))
        await keys.create(archive, "console-of-the-support-team", ("read:content", "delete"), None)
        async with archive.writer.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at)"
                " SELECT sid, session_sid, service_sid, account_sid, 'jwt:someone@example.com', :at FROM interaction",
                {"at": ASKED},
            )
    return database


@pytest.mark.parametrize("columns", ["20", "80", "200"])
@pytest.mark.parametrize("command", [["ledger"], ["keys", "list"]])
def test_in_a_file_or_pipe_each_row_is_one_whole_line(written: Database, command: list[str], columns: str) -> None:
    result = run(*command, "--database", str(written), COLUMNS=columns)
    titles, row = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    if command == ["ledger"]:
        assert titles.split("  ")[0] == "SID"
        assert row.split()[:5] == [INTERACTION, SESSION, "jwt:someone@example.com", ASKED, "intended"]
    else:
        assert re.fullmatch(r"console-of-the-support-team +read:content delete +valid +\S+Z +never +never", row)


@pytest.mark.parametrize("columns", [40, 80, 120, 160])
def test_a_terminal_of_any_width_shows_sids_and_times_whole(written: Database, columns: int) -> None:
    shown = in_a_terminal(columns, "ledger", "--database", str(written))
    for value in (INTERACTION, SESSION, "jwt:someone@example.com", ASKED, "intended"):
        assert value in shown
    if columns >= 80:
        assert max(map(len, shown.splitlines())) <= columns
    shown = in_a_terminal(columns, "keys", "list", "--database", str(written))
    assert re.search(r"console-of-the-support-team\s", shown)
    assert re.search(r"read:content delete\s", shown)


def test_a_name_can_not_forge_a_row_or_send_control_sequences() -> None:
    console = Console(file=io.StringIO(), soft_wrap=True, markup=False, emoji=False)
    show(console, ("Name", "State"), [("a\nb\x1b[2J [bold] :cat:", "open")])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[1] == "a\\nb\\x1b[2J [bold] :cat:  open"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name in ("SYNC_FULL_EVERY", "SYNC_EVERY", "DRAIN", "SEARCH_SECONDS", "MAX_SECONDS", "READ_SECONDS")
        for value in ("inf", "nan", "1e12")
    ],
)
def test_numbers_out_of_range_are_refused_with_the_given_value(name: str, value: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        commands,
        ["serve", "--database", str(tmp_path / "x.db"), "--port", "0"],
        env={f"PROXYGRAPH_{name}": value},
    )
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert re.fullmatch(rf"PROXYGRAPH_{name}: expected .+, but got '{value}'\.", line)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", ["inf", "nan", "1e12"])
def test_the_sync_refuses_numbers_out_of_range_too(value: str, tmp_path: Path) -> None:
    wrong = {"PROXYGRAPH_SYNC_RECHECK_HOURS": value, "PROXYGRAPH_SYNC_RATE": value}
    account = {"TWILIO_ACCOUNT_SID": bodies.sid("AC", 1), "TWILIO_AUTH_TOKEN": "secret"}
    result = CliRunner().invoke(commands, ["sync", "--database", str(tmp_path / "x.db")], env=wrong | account)
    assert result.exit_code == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == list(wrong)
    assert result.stderr.count(f"but got '{value}'.") == 2


def test_a_bad_account_sid_is_shown_unless_it_may_be_a_secret() -> None:
    for given, shown in {"AC123": "but got 'AC123'.", "a0" * 16: "which may be a secret and are not shown."}.items():
        result = run("sync", TWILIO_ACCOUNT_SID=given, TWILIO_AUTH_TOKEN="secret")
        assert result.returncode == 2
        expected = f"TWILIO_ACCOUNT_SID: expected AC and 32 hexadecimal digits, {shown}"
        assert result.stderr.startswith(expected.split("which")[0].removesuffix(shown)), result.stderr
        assert result.stderr.endswith(f"{shown}\n")
        assert "a0a0" not in result.stderr


KNOWN = ("PROXYGRAPH_WORKERS", "PROXYGRAPH_PORT", "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID")


@pytest.mark.parametrize(
    ("environment", "warned"),
    [
        (["PROXYGRAPH_WORKER"], ["PROXYGRAPH_WORKER is not a setting of Proxygraph, so it is ignored. Did you mean "
                                 "PROXYGRAPH_WORKERS?"]),
        (["PROXYGRAPH_XYZZY_Q"], ["PROXYGRAPH_XYZZY_Q is not a setting of Proxygraph, so it is ignored. The "
                                  "README lists all settings."]),
        (["TWILIO_ACOUNT_SID"], ["TWILIO_ACOUNT_SID is ignored. Did you mean TWILIO_ACCOUNT_SID?"]),
        (["TWILIO_ACOUNT_SID", "TWILIO_ACCOUNT_SID"], []),
        (["TWILIO_PHONE_NUMBER", "TWILIO_MESSAGING_SERVICE_SID", "PATH", "PROXYGRAPH_PORT"], []),
        (["PROXYGRAPH_SERVICE_HOST", "PROXYGRAPH_PORT_8000_TCP_ADDR", "PROXYGRAPH_BUILD_GRAPHIQL"], []),
    ],
)  # fmt: skip
def test_a_misspelt_variable_is_named_with_the_most_similar_setting(environment: list[str], warned: list[str]) -> None:
    assert list(misspelt(environment, KNOWN)) == warned


def test_every_command_warns_of_misspelt_variables_and_continues(written: Database) -> None:
    result = run("ledger", "--database", str(written), PROXYGRAPH_LOG_FROMAT="json")
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 2)
    assert result.stderr == (
        "PROXYGRAPH_LOG_FROMAT is not a setting of Proxygraph, so it is ignored. Did you mean PROXYGRAPH_LOG_FORMAT?\n"
    )


def test_no_real_setting_counts_as_misspelt() -> None:
    kinds: list[type[BaseSettings]] = [*SETTINGS_GROUPS, KeysSettings, DemoSettings]
    every = [variable(kind, name) for kind in kinds for name in kind.model_fields]
    known = [variable(kind, name) for kind in SETTINGS_GROUPS for name in kind.model_fields]
    assert list(misspelt(every, known)) == []


def every_help() -> list[list[str]]:
    group = get_command(commands)
    assert isinstance(group, TyperGroup)
    found: list[list[str]] = [[]]
    for name, command in group.commands.items():
        found.append([name])
        found += [[name, below] for below in command.commands] if isinstance(command, TyperGroup) else []
    return found


@pytest.mark.parametrize("command", every_help())
def test_help_fits_80_columns_and_shows_placeholders_only_for_options_with_values(command: list[str]) -> None:
    shown = CliRunner().invoke(commands, [*command, "--help"], env={"COLUMNS": "80"}).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "bool" not in shown
    assert re.search(r"--help +Show this message and exit", shown)


@pytest.mark.parametrize("command", ["serve", "sync", "demo", "seed"])
def test_help_breaks_a_line_only_where_the_next_word_does_not_fit(command: str) -> None:
    shown = CliRunner().invoke(commands, [command, "--help"], env={"COLUMNS": "80"}).stdout
    prose = [line.strip() for line in shown.partition("╭")[0].splitlines()]
    for line, following in pairwise(prose):
        if line and following and not line.startswith("Usage"):
            assert len(f"{line} {following.split()[0]}") > 78


def test_the_progress_of_a_sync_fits_80_columns() -> None:
    progress = RunCounts()
    progress.services, progress.sessions, progress.sessions_pending = 123, 1_234_567, 7_654_321
    progress.interactions, progress.requests, progress.retries = 123_456_789, 1_000_000, 12_345
    for width in (80, 40):
        console = Console(file=io.StringIO(), width=width, markup=False)
        console.print(table(progress, 0.0, width))
        assert isinstance(console.file, io.StringIO)
        shown = console.file.getvalue()
        assert "…" not in shown
        assert len(shown.splitlines()) == (2 if width == 80 else 7)
        for part in ("services", "123,456,789", "12,345", "time left", "7,654,321"):
            assert part in shown
