"""The commands as a person runs them: their output, their files and their exit codes."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

import readme
from checkout import ROOT
from command_lines import command_line
from gateway.cli.commands import commands
from running_commands import ENVIRONMENT, run, running
from schema.build import printed
from store.sqlite.connections import has_wal_reset_bug


def ask(address: str, query: str) -> dict[str, dict[str, dict[str, int]]]:
    body = msgspec.json.encode({"query": query})
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return msgspec.json.decode(response.read(), type=dict[str, dict[str, dict[str, int]]])


COUNTS = "{ services { totalCount } sessions { totalCount } interactions { totalCount } }"


def counts(address: str) -> list[int]:
    return [connection["totalCount"] for connection in ask(address, COUNTS)["data"].values()]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("seeded") / "seeded.db"
    result = run("seed", "--database", str(database), "--services", "2", "--sessions", "3", "--interactions", "4")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Filled {database} with 2 Services, 6 Sessions and 24 Interactions." in result.stdout
    return database


@pytest.mark.parametrize("command", [[], ["demo"], ["serve"], ["sync"], ["seed"], ["ledger"], ["export"], ["schema"]])
def test_help_says_what_each_flag_does(command: list[str]) -> None:
    result = CliRunner().invoke(commands, [*command, "--help"], env={"COLUMNS": "100"})
    assert result.exit_code == 0
    flags = {"demo": 4, "serve": 10, "sync": 5, "seed": 6, "ledger": 1, "export": 2}.get("".join(command), 0)
    assert result.stdout.count("PROXYGRAPH_") == flags + bool(command)
    assert result.stdout.count("PROXYGRAPH_CONFIG") == bool(command)


@pytest.mark.parametrize(
    ("command", "codes"),
    [
        ("sync", {0, 1, 2, 3, 4, 130}),
        ("erase", {0, 1, 2, 130}),
        ("export", {0, 1, 2, 130, 141}),
        ("backup", {0, 1, 2, 130}),
        ("restore", {0, 1, 2, 130}),
        ("ledger", {0, 1, 2}),
        ("status", {0, 1, 2}),
    ],
)
def test_help_says_what_each_exit_code_means(command: str, codes: set[int]) -> None:
    help_text = CliRunner().invoke(commands, [command, "--help"], env={"COLUMNS": "100"}).stdout
    sentence = help_text.partition("Exit codes: ")[2].partition("╭")[0]
    assert {int(code) for code in re.findall(r"\b\d+\b", sentence)} == codes


def test_the_help_of_sync_has_the_network_variables_that_twilio_s_own_client_reads() -> None:
    help_text = CliRunner().invoke(commands, ["sync", "--help"], env={"COLUMNS": "100"}).stdout
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        assert name in help_text


def test_the_commands_are_listed_in_the_readme_s_order() -> None:
    help_text = CliRunner().invoke(commands, ["--help"], env={"COLUMNS": "100"}).stdout
    listed = re.findall(r"^│ (\w+) ", help_text, re.MULTILINE)
    assert listed == re.findall(r"^\| `python -m gateway (\w+)", readme.TEXT, re.MULTILINE)


def test_the_help_of_export_says_nothing_that_holds_for_the_api_alone() -> None:
    help_text = CliRunner().invoke(commands, ["export", "--help"], env={"COLUMNS": "100"}).stdout
    words = " ".join(help_text.replace("│", " ").split())
    for of_the_api in ("read:content", "One value or a list", "null for none"):
        assert of_the_api not in words
    assert "Up to 50: telephone numbers in E.164" in words


def test_without_a_command_the_help_is_printed() -> None:
    assert "Usage: python -m gateway" in run().stdout


def test_a_command_that_does_not_serve_imports_no_graphql_and_no_server() -> None:
    script = "import sys, gateway.cli.twilio.sync_command; print({'graphql', 'strawberry', 'uvicorn'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True).stdout == "set()\n"


def test_garbage_is_collected_but_for_what_was_imported() -> None:
    """Also in a worker process, which imports the same module but doesn't run its ``main``."""
    script = "import gc, gateway.__main__; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert shown.stdout == "True True\n", shown.stderr


def test_the_schema_is_printed_and_checked() -> None:
    assert run("schema").stdout == printed()
    result = run("schema", "--check")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_all_invalid_settings_are_reported_at_once() -> None:
    result = run("serve", "--workers", "0", "--host", "", PROXYGRAPH_PORT="http", PROXYGRAPH_WORKERS="5")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "--host: string should have at least 1 character, but got ''.",
        "PROXYGRAPH_PORT: expected a valid integer, but got 'http'.",
        "--workers: expected at least 1, but got '0'.",
    ]


def test_unusable_persisted_documents_are_reported_before_serving(tmp_path: Path) -> None:
    result = run("serve", "--documents", str(tmp_path), "--database", str(tmp_path / "new.db"), "--port", "0")
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    result = run("serve", "--documents-mode", "enforce", PROXYGRAPH_MAX_DEPTH="0")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "PROXYGRAPH_DOCUMENTS_MODE needs PROXYGRAPH_DOCUMENTS (or --documents).",
        "PROXYGRAPH_MAX_DEPTH: expected at least 1, but got '0'.",
    ]


def test_missing_settings_are_reported() -> None:
    result = run("seed", "--services", "many")
    assert result.returncode == 2
    assert "--database (or PROXYGRAPH_DATABASE) is needed, but was not given." in result.stderr.splitlines()
    assert len(result.stderr.splitlines()) == 2


def test_flags_override_the_environment(tmp_path: Path, seeded: Path) -> None:
    result = run("seed", "--database", str(seeded), PROXYGRAPH_DATABASE=str(tmp_path / "other.db"))
    assert str(seeded) in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_seeded_database_is_the_same_for_the_same_seed(seeded: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.db"
    run("seed", "--database", str(again), "--services", "2", "--sessions", "3", "--interactions", "4")
    for table in ("service", "session", "participant", "interaction"):
        with closing(sqlite3.connect(seeded)) as one, closing(sqlite3.connect(again)) as other:
            rows = [connection.execute(f"SELECT * FROM {table} ORDER BY sid").fetchall() for connection in (one, other)]
        assert rows[0] == rows[1] != []


def test_seeding_twice_changes_nothing_and_another_account_is_refused(seeded: Path) -> None:
    before = seeded.read_bytes()
    same = run("seed", "--database", str(seeded), "--services", "2", "--sessions", "3", "--interactions", "4")
    assert (same.returncode, same.stdout) == (0, f"{seeded} already has exactly this account; nothing was changed.\n")
    other = run("seed", "--database", str(seeded), "--seed", "2")
    assert other.returncode == 1
    assert "made-up rows are not mixed into it. Name another file." in other.stderr
    assert seeded.read_bytes() == before


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_served_database_answers_and_stops_cleanly(seeded: Path, stop: signal.Signals) -> None:
    with running("serve", "--database", str(seeded), stop=stop) as address:
        assert counts(address) == [2, 6, 24]
    assert [file.name for file in seeded.parent.glob("seeded.db-*")] == ["seeded.db-lock"]


def metrics(address: str) -> bytes:
    with urllib.request.urlopen(f"{address}/metrics", timeout=20) as response:
        shown: bytes = response.read()
        return shown


def test_several_workers_serve_one_database(seeded: Path) -> None:
    with running("serve", "--database", str(seeded), "--workers", "2") as address:
        for _ in range(8):
            assert counts(address) == [2, 6, 24]
        # The worker that is not asked enters what it answered a tenth of a second later.
        deadline = time.monotonic() + 20
        while b'proxygraph_graphql_requests_total{operation="query",outcome="ok"} 8.0' not in metrics(address):
            assert time.monotonic() < deadline
        shown = metrics(address).decode()
        for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "python_info{"):
            assert re.search(rf"^{re.escape(name)}\S* \S+$", shown, re.MULTILINE), name


def test_a_missing_database_is_created_empty(tmp_path: Path) -> None:
    with running("serve", "--database", str(tmp_path / "new.db")) as address:
        assert counts(address) == [0, 0, 0]


def test_the_demo_fills_a_new_database_and_reuses_it_the_next_time(tmp_path: Path) -> None:
    database = tmp_path / "demo.db"
    with running("demo", "--database", str(database)) as address:
        first = counts(address)
        assert first[:2] == [5, 200]
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM interaction WHERE rowid = 1")
        connection.commit()
    with running("demo", "--database", str(database)) as address:
        assert counts(address) == [*first[:2], first[2] - 1]


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_the_demo_prints_a_few_lines_of_which_the_last_is_its_address(tmp_path: Path, level: str) -> None:
    command = command_line("demo", "--database", str(tmp_path / "demo.db"), "--port", "0")
    environment = ENVIRONMENT | {"PYTHONUNBUFFERED": "1", "PROXYGRAPH_DRAIN": "0", "PROXYGRAPH_LOG_LEVEL": level}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith("http"):
                break
        with urllib.request.urlopen(printed[-1].strip().replace("/graphql", "/livez")):
            process.terminate()
        rest, log = process.communicate(timeout=30)
    assert len(printed) <= 4
    assert rest == ""
    assert ("can corrupt a database" in log) == (level == "DEBUG" and has_wal_reset_bug())


def test_the_demo_continues_an_interrupted_fill(tmp_path: Path) -> None:
    database = tmp_path / "demo.db"
    with running("demo", "--database", str(database)) as address:
        whole = counts(address)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE archive SET demo = 'unfinished ' || demo")
        connection.execute("DELETE FROM session WHERE rowid > 5")
        connection.commit()
    with running("demo", "--database", str(database)) as address:
        assert counts(address)[:2] == whole[:2]


def test_the_demo_never_writes_into_a_real_archive(seeded: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.db"
    real.touch(mode=0o600)  # A file that others may read is warned of.
    real.write_bytes(seeded.read_bytes())
    with closing(sqlite3.connect(real)) as connection:
        connection.execute("UPDATE archive SET demo = NULL")
        connection.commit()
    for command in (["demo", "--port", "0"], ["seed"]):
        before = real.read_bytes()
        result = run(*command, "--database", str(real))
        assert (result.returncode, result.stdout) == (1, "")
        assert f"{real} holds an archive that is no demo" in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert real.read_bytes() == before


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["demo", "--port", "0"], ["seed"]])
def test_an_unusable_database_gives_one_sentence_and_exit_code_1(command: list[str], tmp_path: Path) -> None:
    database = tmp_path / "not.db"
    database.write_bytes(b"no database at all")
    result = run(*command, "--database", str(database))
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    assert f"{database} is not a Proxygraph database" in result.stderr
    assert database.read_bytes() == b"no database at all"
    assert [file.name for file in tmp_path.iterdir()] == ["not.db"]


def test_a_port_in_use_is_named(seeded: Path) -> None:
    with running("serve", "--database", str(seeded)) as address:
        port = address.rsplit(":", 1)[1]
        result = run("serve", "--database", str(seeded), "--port", port)
    assert result.returncode == 1
    reason = "Address already in use. Choose another --host or --port."
    assert result.stderr == f"Can't listen on 127.0.0.1:{port}: {reason}\n"
