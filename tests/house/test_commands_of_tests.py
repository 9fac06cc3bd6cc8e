"""A command that a test runs by a fork does what the same command does in an interpreter of its own."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from checkout import ROOT
from command_lines import FRESH, command_line
from running_commands import ENVIRONMENT

pytestmark = pytest.mark.processes

COMMANDS = [
    ["--version"],
    ["schema"],
    ["keys", "--nothing"],
    ["ledger", "--database", "/nowhere/at/all.db"],
    ["serve", "--workers", "0"],
    ["export", "--format", "parquet", "--to", "-", "--database", "{folder}/none.db"],
]


@pytest.fixture(autouse=True)
def by_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "fresh", False)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_prints_the_same_and_ends_with_the_same_code(tmp_path: Path, command: list[str]) -> None:
    given = [argument.format(folder=tmp_path) for argument in command]
    forked, fresh = (
        subprocess.run(line, cwd=ROOT, env=ENVIRONMENT | {"COLUMNS": "90"}, capture_output=True, timeout=60)
        for line in (command_line(*given), [*FRESH, *given])
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (fresh.returncode, fresh.stdout, fresh.stderr)


def test_it_has_the_environment_the_folder_and_the_input_that_are_given(tmp_path: Path) -> None:
    command = command_line("erase", "--identifier", "-", "--database", "new.db")
    environment = ENVIRONMENT | {"PROXYGRAPH_LOG_FORMAT": "json"}
    made = subprocess.run(
        command_line("seed", "--database", "new.db", "--services", "1", "--sessions", "1", "--interactions", "1"),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert (made.returncode, (tmp_path / "new.db").exists(), made.stdout[:1]) == (0, True, b"{")
    shown = subprocess.run(
        command, cwd=tmp_path, env=environment, input=b"+1 202 555 0100\n", capture_output=True, timeout=60
    )
    assert (shown.returncode, b"+12025550100" in shown.stdout) == (0, True), shown


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_gets_signals(tmp_path: Path, sent: signal.Signals) -> None:
    with serving(tmp_path) as process:
        process.send_signal(sent)
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="It looks for the process in /proc.")
def test_it_ends_when_its_client_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        assert process.stdout
        (command,) = (each for each in Path("/proc").iterdir() if each.name.isdecimal() and holds(each, tmp_path))
        process.kill()
        assert process.stdout.read() == b"", "and nothing else holds its standard output"
        process.wait()
    assert not holds(command, tmp_path)


def serving(folder: Path) -> subprocess.Popen[bytes]:
    """A server that answers."""
    process = subprocess.Popen(
        command_line("serve", "--database", "new.db", "--port", "0", "--drain", "0"),
        cwd=folder,
        env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    address = re.search(rb"http://[\d.:]+", process.stdout.readline())
    assert address
    with urllib.request.urlopen(f"{address[0].decode()}/livez"):
        return process


def holds(process: Path, folder: Path) -> bool:
    """Whether the process, a folder in /proc, has the archive open."""
    try:
        return folder / "new.db" in [file.readlink() for file in (process / "fd").iterdir()]
    except OSError:
        return False
