"""A process that forks children which crash where they are told to: crashing.py, crashing_backups.py."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checkout import PATHS, ROOT


@contextmanager
def crashing(program: str) -> Iterator[subprocess.Popen[str]]:
    """The process of this program of tests/support."""
    command = [sys.executable, str(ROOT / "tests" / "support" / program)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def crash(process: subprocess.Popen[str], *asked: Any) -> str:
    """Asks it for a crash; returns its answer."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(asked, default=str) + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()
