"""The load, made by wrk: a number of connections, each of which sends its next request after the last answer."""

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

LOAD_OPTIONS: set[str] = set()
"""Options for every load: ``same-head`` sends the same headers each time, instead of a different traceparent."""


class Load(NamedTuple):
    """The results of a load."""

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


def require_wrk() -> None:
    """Raises BenchmarkFailed where there is no wrk."""
    if not shutil.which("wrk"):
        raise BenchmarkFailed("The load is made by wrk, which is not installed: apt install wrk, or brew install wrk.")


def post(url: str, bodies: Path, connections: int, seconds: int, check_answers: bool = True, hang_ups: int = 0) -> Load:
    """Posts the bodies (one on each line, in turn) for a number of seconds.

    Raises BenchmarkFailed if nothing is answered, if any answer did not succeed (by its status, or, with
    ``check_answers``, by errors in it), or if more connections than ``hang_ups`` broke.
    """
    with posting(url, bodies, connections, seconds, check_answers) as loading:
        return finished(loading, hang_ups)


@contextmanager
def posting(
    url: str, bodies: Path, connections: int, seconds: int, check_answers: bool = True
) -> Iterator["subprocess.Popen[str]"]:
    """The same as a process that runs at the same time as others; ``finished`` waits for it."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={GRACE_SECONDS}s"]
    command += [
        "-s",
        str(SCRIPT),
        url,
        "--",
        str(bodies),
        *sorted(LOAD_OPTIONS),
        *(["check-answers"] if check_answers else []),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: "subprocess.Popen[str]", hang_ups: int = 0) -> Load:
    """Waits for a running load to end, and returns its results."""
    output, error = process.communicate(timeout=LONGEST_SECONDS + 2 * GRACE_SECONDS)
    if process.returncode:
        raise BenchmarkFailed(f"wrk ended with exit code {process.returncode}: {error.strip()[-500:]}")
    load = Load(**json.loads(output.splitlines()[-1]))
    if load.failed or load.broken > hang_ups or not load.answers:
        raise BenchmarkFailed(
            f"Of {load.answers:,} answers {load.failed:,} did not succeed; {load.broken:,} connections broke."
        )
    return load
