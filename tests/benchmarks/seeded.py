"""The database for the benchmarks: 20 Services with 100 Sessions of 100 Interactions, made up by ``seed``."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from servers import ROOT, BenchmarkFailed

SIZES = {"services": 20, "sessions": 100, "interactions": 100}
INTERACTIONS = 200_000
GOAL_SECONDS = 60
LIMIT_SECONDS = 600
NAME = "benchmark.db"


SETTINGS = {"shared_buffers": "512MB", "fsync": "on", "full_page_writes": "on"}
"""What differs of the throw-away cluster from the tests' one: memory for the whole archive, and commits that last."""


@contextmanager
def cluster() -> Iterator[Any]:
    """A throw-away PostgreSQL, which runs until the end of the block; raises BenchmarkFailed if it isn't installed."""
    sys.path.append(str(ROOT / "tests" / "support"))
    import postgresql  # It needs pytest, which the other benchmarks don't.

    if postgresql.binaries() is None:
        raise BenchmarkFailed(postgresql.HOW_TO_GET_IT)
    with postgresql.cluster(**SETTINGS) as running:
        yield running


def settle(address: str) -> None:
    """Does what autovacuum would do within minutes: statistics, and the map of pages that all can see."""

    async def run() -> None:
        connection = await asyncpg.connect(address)
        try:
            await connection.execute("VACUUM ANALYZE")
        finally:
            await connection.close()

    asyncio.run(run())


def seed(database: Path | str) -> float | None:
    """Fills ``database``, a file or an address, and returns the seconds it took; None for a file that existed before.

    Raises BenchmarkFailed if it can't be filled, for example because it has other contents.
    """
    reused = isinstance(database, Path) and database.exists()
    name = str(database.resolve()) if isinstance(database, Path) else database
    options = [option for name, size in SIZES.items() for option in (f"--{name}", str(size))]
    command = [sys.executable, "-m", "gateway", "seed", "--database", name, *options]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if done.returncode:
        raise BenchmarkFailed(f"The database can't be filled: {done.stderr.strip()}")
    return None if reused else time.perf_counter() - begun
