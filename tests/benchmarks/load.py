"""The load, made by wrk: as many requests as so many connections get answered, and how long they wait."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from servers import BenchmarkFailed

SCRIPT = Path(__file__).with_name("post.lua")
GRACE_SECONDS = 60
LONGEST_SECONDS = 60

WISHES: set[str] = set()
"""What every load is made like: ``same`` gives each request the same head, instead of a traceparent of its own."""


class Load(NamedTuple):
    """What came of a load."""

    answers: int
    seconds: float
    failed: int
    broken: int
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def demand_wrk() -> None:
    """Raises BenchmarkFailed where there is no wrk."""
    if not shutil.which("wrk"):
        raise BenchmarkFailed("The load is made by wrk, which is not installed: apt install wrk, or brew install wrk.")


def post(url: str, bodies: Path, connections: int, seconds: int, look: bool = True, hang_ups: int = 0) -> Load:
    """Posts the bodies (one a line, in turn) for so many seconds.

    Raises BenchmarkFailed where nothing is answered, or any answer is no success (by its status, or, where answers are
    looked at, by errors in it), or more connections than ``hang_ups`` broke.
    """
    with posting(url, bodies, connections, seconds, look) as loading:
        return finished(loading, hang_ups)


@contextmanager
def posting(
    url: str, bodies: Path, connections: int, seconds: int, look: bool = True
) -> Iterator["subprocess.Popen[str]"]:
    """The same as a process that goes on beside others; ``finished`` waits for it."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={GRACE_SECONDS}s"]
    command += ["-s", str(SCRIPT), url, "--", str(bodies), *sorted(WISHES), *(["look"] if look else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: "subprocess.Popen[str]", hang_ups: int = 0) -> Load:
    """What came of a load that is under way."""
    output, error = process.communicate(timeout=LONGEST_SECONDS + 2 * GRACE_SECONDS)
    if process.returncode:
        raise BenchmarkFailed(f"wrk ended with exit code {process.returncode}: {error.strip()[-500:]}")
    load = Load(**json.loads(output.splitlines()[-1]))
    if load.failed or load.broken > hang_ups or not load.answers:
        raise BenchmarkFailed(
            f"Of {load.answers:,} answers {load.failed:,} were not what was asked; {load.broken:,} connections broke."
        )
    return load
