"""Where an export is written: a private file that appears only when it is complete, or a pipe."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

import bodies
from checkout import PATHS, ROOT
from command_lines import command_line
from exporting import exported, wanted
from gateway.export.destinations import CannotWrite, destination
from gateway.export.run import ExportProgress, export
from running_commands import ENVIRONMENT, run
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive


@pytest.fixture
async def filled(archive: Archive, database: Database) -> Database:
    """An archive with some interactions."""
    await bodies.put(archive, *(bodies.interaction(number) for number in range(1, 4)))
    return database


def test_the_file_is_private_whatever_the_umask_and_whatever_it_replaces(filled: Database, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text("an earlier export")
    file.chmod(0o644)
    usual = os.umask(0)
    try:
        assert exported(filled, file).count(b"\n") == 3
    finally:
        os.umask(usual)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("has_unnamed_files", [True, False])
def test_the_file_appears_only_when_it_is_complete(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_unnamed_files: bool
) -> None:
    if not has_unnamed_files:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    file = tmp_path / "folder" / "all.jsonl"
    file.parent.mkdir()
    file.write_bytes(b"an earlier export")
    seen = []

    def show(progress: ExportProgress) -> None:
        seen.append((progress.rows, progress.total, file.read_bytes()))

    assert exported(filled, file, show=show).count(b"\n") == 3
    assert seen == [(0, 3, b"an earlier export"), (3, 3, b"an earlier export")]
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("has_unnamed_files", [True, False])
def test_a_failed_export_leaves_the_existing_file(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_unnamed_files: bool
) -> None:
    if not has_unnamed_files:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    file = tmp_path / "folder" / "all.csv"
    file.parent.mkdir()
    file.write_bytes(b"an earlier export")

    usual = os.write

    def full(descriptor: int, content: bytes) -> int:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return usual(descriptor, content)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(CannotWrite, match=f"The disk that holds {file} is full"):
        exported(filled, file)
    monkeypatch.undo()
    assert file.read_bytes() == b"an earlier export"
    assert list(file.parent.iterdir()) == [file]


KILLED = """
import os, signal, sys
from pathlib import Path
from exporting import exported
from store.engine.database import database_of
database, file = database_of(sys.argv[1]), Path(sys.argv[2])
exported(database, file, show=lambda done: done.rows and os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name")
def test_nothing_is_left_of_an_export_that_is_killed(filled: Database, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(PATHS)}
    command = [sys.executable, "-c", KILLED, str(filled), str(folder / "all.jsonl")]
    killed = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (killed.returncode, killed.stderr) == (-9, "")
    assert list(folder.iterdir()) == []


def test_a_symbolic_link_stays_and_its_target_is_replaced(filled: Database, tmp_path: Path) -> None:
    file, link = tmp_path / "all.jsonl", tmp_path / "link.jsonl"
    file.write_text("an earlier export")
    link.symlink_to(file)
    exported(filled, link)
    assert link.is_symlink()
    assert file.read_bytes().count(b"\n") == 3


@pytest.mark.of_a_file
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-lock", "-to-clean"])
def test_the_archive_is_never_replaced(filled: Path, suffix: str) -> None:
    before = filled.read_bytes()
    with (
        pytest.raises(CannotWrite, match="is a file of the archive itself"),
        destination(f"{filled.parent}/./{filled.name}{suffix}", filled),
    ):
        pass
    assert filled.read_bytes() == before


def test_a_file_that_cannot_be_written_is_reported_in_a_sentence(filled: Database, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=f"{tmp_path} is a folder, but an export is one file"):
        export(wanted(filled, tmp_path / "x.csv")._replace(to=str(tmp_path)), lambda _: None)
    with pytest.raises(CannotWrite, match=r"no/all\.csv can't be written \(No such file or directory\)"):
        export(wanted(filled, tmp_path / "no" / "all.csv"), lambda _: None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_of_standard_output_is_reported_in_a_sentence(filled: Database) -> None:
    command = command_line("export", "--to", "-", "--database", str(filled))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdout=full, stderr=-1, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == ("The disk that holds standard output is full. Free space, or name a file on another disk.\n")


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_a_pipe_that_closes_early_ends_the_export_quietly(filled: Database, format: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = command_line("export", "--to", "-", "--format", format, "--database", str(filled))
    try:
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdout=writing, stderr=-1, text=True, timeout=60)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_a_pipe_gets_what_a_file_gets_and_nothing_else(filled: Database, tmp_path: Path, format: str) -> None:
    file = tmp_path / f"all.{format}"
    command = command_line("export", "--to", "-", "--format", format, "--database", str(filled))
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout == exported(filled, file)
    assert done.stderr.startswith(b"Exported 3 interactions to standard output: ")


def test_the_command_names_the_file_and_the_rows(filled: Database, tmp_path: Path) -> None:
    done = run("export", "sessions", "--to", str(tmp_path / "all.csv"), "--database", str(filled))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Exported 1 sessions to {tmp_path / 'all.csv'}: ")


def test_all_problems_of_the_options_are_reported_at_once(filled: Database) -> None:
    done = run("export", "calls", "--format", "xlsx", "--database", str(filled), "--export-seconds", "0")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["--export-seconds: expected more than 0, but got '0'."]
    done = run("export", "calls", "--format", "xlsx", "--database", str(filled))
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [
            "--to is missing. Give the file to write, or - for standard output.",
            "--format: expected one of jsonl, csv, parquet, but got 'xlsx'.",
            "LIST: expected one of interactions, participants, services, sessions, but got 'calls'.",
        ],
    )


def test_stderr_shows_how_an_identifier_was_understood(filled: Database) -> None:
    done = run("export", "--to", "-", "--identifier", "+1 (202) 555-0121", "--database", str(filled))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[0] == "+1 (202) 555-0121 is understood as +12025550121."


AS_NOBODY = """
import os, sys, tempfile
from pathlib import Path
from exporting import exported, wanted
from gateway.export.run import export
# Once as before, so that all modules are loaded: not every user may read them.
with tempfile.TemporaryDirectory() as folder:
    exported(Path(sys.argv[1]), Path(folder) / "all.jsonl")
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
export(wanted(Path(sys.argv[2]), Path("all.jsonl"))._replace(to="-"), lambda _: None)
"""


@pytest.fixture
async def closed(open_folder: Path) -> Path:
    """A closed archive with three interactions, alone in its folder."""
    database = open_folder / "archive.db"
    async with open_archive(database) as archive:
        rows = (bodies.interaction(number) for number in range(1, 4))
        await bodies.put(archive, bodies.service(1), bodies.session(1), *rows)
    (open_folder / "archive.db-lock").unlink()
    return database


def test_a_read_only_archive_can_be_exported(closed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    copy(closed, other)
    closed.chmod(0o444)
    closed.parent.chmod(0o555)
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(PATHS)}
    command = [sys.executable, "-c", AS_NOBODY, str(other), str(closed)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.stdout.count("\n")) == ("", 3)
    assert list(closed.parent.iterdir()) == [closed]
