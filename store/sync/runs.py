"""The history of sync runs: their progress and outcome, and how fresh the archive is.

A time in the future was written with a wrong clock, so every query here ignores it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from store.columns import storable
from store.engine.protocols import Archive, Readable, Transaction
from store.errors import SyncSuperseded
from store.sync.state import note_pending
from store.twilio_mapping import instant, now

KEPT_RUNS = 1_000
"""How many runs are kept besides the last complete ones. ``syncStatus`` reads all of them."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Two clocks may differ by this much and both count as right."""

START_RUN = """
INSERT INTO sync_run (number, mode, partial, started_at, alive_at)
SELECT coalesce(max(number), 0) + 1, :mode, :partial, :now, :now FROM sync_run RETURNING number
""".strip()
PRUNE_RUNS = """
DELETE FROM sync_run WHERE number <= (SELECT max(number) FROM sync_run) - :kept AND number NOT IN (
  SELECT max(number) FROM sync_run WHERE outcome = 'complete' AND finished_at <= :latest GROUP BY mode, partial
)
""".strip()
LAST_RUN = "SELECT max(number) FROM sync_run"
LATEST = "SELECT number, partial, finished_at FROM sync_run ORDER BY number DESC LIMIT 1"
FINISH_RUN = "UPDATE sync_run SET finished_at = :at, outcome = :outcome, error = :error WHERE number = :run"
LAST_COMPLETE = """
SELECT max(finished_at) FROM sync_run WHERE outcome = 'complete' AND NOT partial AND finished_at <= :latest
""".strip()
LAST_FULL = """
SELECT max(number), max(finished_at) FROM sync_run
WHERE mode = 'full' AND outcome = 'complete' AND partial <= :partial AND finished_at <= :latest
""".strip()
FAILED_FULL = """
SELECT count(*), max(finished_at) FROM sync_run
WHERE mode = 'full' AND outcome IN ('failed', 'refused') AND number > :after AND finished_at <= :latest
""".strip()


class RunCounts(msgspec.Struct):
    """The counts of a run, as in the table ``sync_run``: pending Sessions, what was read, and rows by outcome."""

    sessions_pending: int = 0
    services: int = 0
    sessions: int = 0
    interactions: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    archived: int = 0
    erased: int = 0
    requests: int = 0
    retries: int = 0
    left_out: int = 0


COMMITTED = f"SELECT {', '.join(RunCounts.__struct_fields__)} FROM sync_run WHERE number = :run"


class FullRuns(NamedTuple):
    """When the last complete full run ended, how many full runs failed since, and when the last of those ended."""

    completed_at: str | None
    failures: int
    failed_at: str | None


def latest_plausible() -> str:
    """The current time plus CLOCK_TOLERANCE. Later times were written by a wrong clock."""
    return instant((datetime.now(UTC) + CLOCK_TOLERANCE).isoformat())


class LatestRun(NamedTuple):
    """The latest run: its number, whether it reads only a part of the account, and when it ended.

    The latter is None while it runs, and stays so if its process died.
    """

    number: int
    partial: bool
    finished_at: str | None


async def start_run(archive: Archive, mode: str, partial: bool = False) -> int:
    """Adds a run, ``incremental`` or ``full``, of the whole account or a part of it; returns its number."""
    async with archive.writer.transaction() as transaction:
        ((number,),) = await transaction.fetch(START_RUN, {"mode": mode, "partial": partial, "now": now()})
        await transaction.execute(PRUNE_RUNS, {"kept": KEPT_RUNS, "latest": latest_plausible()})
    return int(number)


async def latest(archive: Readable) -> LatestRun | None:
    """The latest run, however it ended; None if there was none yet."""
    rows = await archive.fetch(LATEST)
    return next((LatestRun(number, bool(is_partial), finished_at) for number, is_partial, finished_at in rows), None)


async def demand_latest(transaction: Transaction, run: int) -> None:
    """Raises SyncSuperseded if a later run than ``run`` has begun.

    Writers take turns, so until the transaction ends no other run can begin. A process that lost its lock, and doesn't
    know it yet, is kept from writing by this.
    """
    ((number,),) = await transaction.fetch(LAST_RUN)
    if number != run:
        raise SyncSuperseded(
            f"This sync, run {run:,}, lost its lock, and another process has begun run {number:,}. This one has ended; "
            "what it wrote before is kept."
        )


async def note_progress(transaction: Transaction, run: int, progress: RunCounts) -> None:
    """Stores the run's counts, and the current time as its last sign of life."""
    columns = msgspec.structs.asdict(progress)
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    await transaction.execute(
        f"UPDATE sync_run SET alive_at = :alive_at, {assignments} WHERE number = :run",
        columns | {"alive_at": now(), "run": run},
    )


async def finish_run(
    archive: Archive, run: int, progress: RunCounts, pending: Mapping[str, int], outcome: str, error: str | None
) -> None:
    """Stores the run's outcome (``complete``, ``stopped``, ``failed`` or ``refused``) and error.

    Raises SyncSuperseded if a later run has begun, as all that writes for a run does.
    """
    async with archive.writer.transaction() as transaction:
        await demand_latest(transaction, run)
        await note_progress(transaction, run, progress)
        await note_pending(transaction, pending)
        said = None if error is None else storable(error)
        await transaction.execute(FINISH_RUN, {"at": now(), "outcome": outcome, "error": said, "run": run})


async def committed(archive: Archive, run: int) -> RunCounts:
    """The run's counts as they are in the database."""
    ((*values,),) = await archive.fetch(COMMITTED, {"run": run})
    return RunCounts(*values)


async def last_complete(archive: Readable) -> str | None:
    """When a run of the whole account, of either mode, was last completed."""
    ((moment,),) = await archive.fetch(LAST_COMPLETE, {"latest": latest_plausible()})
    return moment if moment is None else str(moment)


async def full_runs(archive: Archive, partial: bool = False) -> FullRuns:
    """The outcomes of the full runs; ``partial`` says whether runs over some of the Services count as well."""
    bound = {"partial": partial, "latest": latest_plausible()}
    ((number, completed_at),) = await archive.fetch(LAST_FULL, bound)
    ((failures, failed_at),) = await archive.fetch(FAILED_FULL, {"after": number or 0, "latest": bound["latest"]})
    return FullRuns(completed_at, int(failures), failed_at)
