"""The database for the benchmarks: 20 Services with 100 Sessions of 100 Interactions, made up by ``seed``."""

import subprocess
import sys
import time
from pathlib import Path

from servers import ROOT, BenchmarkFailed

SIZES = {"services": 20, "sessions": 100, "interactions": 100}
INTERACTIONS = 200_000
GOAL_SECONDS = 60
LIMIT_SECONDS = 600
NAME = "benchmark.db"


def seed(database: Path) -> float | None:
    """Fills ``database`` and returns the seconds it took; None if it existed before.

    Raises BenchmarkFailed if it can't be filled, for example because it has other contents.
    """
    reused = database.exists()
    options = [option for name, size in SIZES.items() for option in (f"--{name}", str(size))]
    command = [sys.executable, "-m", "gateway", "seed", "--database", str(database.resolve()), *options]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if done.returncode:
        raise BenchmarkFailed(f"The database can't be filled: {done.stderr.strip()}")
    return None if reused else time.perf_counter() - begun
