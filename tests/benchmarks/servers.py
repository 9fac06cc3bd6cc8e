"""Starts servers as separate processes on 127.0.0.1, sends them requests, reads their memory, and stops them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
START_SECONDS = 30
ANSWER_SECONDS = 60
STOP_SECONDS = 15
OWN_SETTINGS = ("PROXYGRAPH_", "TWILIO_")
"""A measured server does not inherit environment variables with these prefixes."""


class BenchmarkFailed(Exception):
    """Something could not be measured. The text is a sentence that gives the reason."""


class Server(NamedTuple):
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    start_ms: float

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/graphql"

    def answer(self, body: str) -> Any:
        """The ``data`` of the answer to a request; raises BenchmarkFailed if the answer has errors."""
        connection = HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        try:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            connection.request("POST", "/graphql", body.encode(), headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, HTTPException) as error:
            raise BenchmarkFailed(f"{self.url} did not answer: {error!r}.") from error
        finally:
            connection.close()
        answered = json.loads(text) if response.status == 200 else {"errors": text.decode()}
        if answered.get("errors"):
            raise BenchmarkFailed(
                f"{self.url} answered {response.status} with errors: {str(answered['errors'])[:500]}."
            )
        return answered["data"]

    def memory(self) -> float | None:
        """The process's resident memory in MB (2**20 bytes); None on systems that don't show it in /proc.

        A page of the archive that several connections have mapped counts once.
        """
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup")
        if not rollup.exists():
            return None
        sizes = dict(line.split(":", 1) for line in rollup.read_text().splitlines()[1:])
        return int(sizes["Pss"].split()[0]) / 1024


@contextmanager
def serving(
    command: Sequence[str], port: int, ready: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """The server that ``command`` starts on ``port``, until the end of the block.

    Waits until it answers GET ``ready`` with any status below 500; raises BenchmarkFailed if it doesn't.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    begun = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=inherited | dict(environment or {}), stdout=output, stderr=output
        )
    try:
        if not _gets_ready(process, port, ready):
            ended = "did not become ready" if process.poll() is None else f"ended with exit code {process.returncode}"
            said = log.read_text()[-1_000:].strip() or "nothing"
            raise BenchmarkFailed(f"{' '.join(command)} {ended}; it said: {said}")
        yield Server(process, port, (time.perf_counter() - begun) * 1_000)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def gateway(
    database: Path | str, log: Path, port: int = 0, workers: int = 1, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """``python -m gateway serve`` on ``port`` (0: a free one), until the end of the block."""
    port = port or free_port()
    command = [sys.executable, "-m", "gateway", "serve", "--database", str(database), "--host", HOST]
    command += ["--port", str(port), "--workers", str(workers)]
    with serving(command, port, "/readyz", log, environment) as server:
        yield server


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _gets_ready(process: subprocess.Popen[bytes], port: int, path: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection(HOST, port, timeout=START_SECONDS)
        try:
            connection.request("GET", path)
            if connection.getresponse().status < 500:
                return True
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.001)
    return False
