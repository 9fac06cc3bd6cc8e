"""A replica: a standby that answers reads while it responds and isn't too far behind."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

import asyncpg

from store.engine.database import Address
from store.errors import OutOfTime, StoreError, Unavailable
from store.postgresql.pools import ConnectionPool
from store.postgresql.several_hosts import TIMELINE

STATE = f"""
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE {TIMELINE} END,
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn
""".strip()
"""The timeline of a primary, and how far a primary has written or a standby has replayed, in bytes."""
PRIMARY = "is the primary"
PROBE_SECONDS = 1.0
"""A host that doesn't answer a probe within this time counts as gone."""

REPLICA_PROBES = 2
"""After this many failed probes in a row, and after each further one, reads that wait for a replica are given up."""

log = logging.getLogger("proxygraph.store")


class HostState(NamedTuple):
    """A host's own report: its timeline if it is a primary, and its position in the log."""

    timeline: int | None
    position: int


class Positions:
    """Where the primary's log was, and when: it tells how old a standby's state is.

    Positions only choose which replicas are asked. Whether an answer is up to date is decided by the data version.
    """

    def __init__(self, kept: int = 600) -> None:
        self._known: deque[tuple[float, int]] = deque(maxlen=kept)

    def note(self, at: float, position: int) -> None:
        """Adds the primary's position, as it was at a time of time.monotonic() or later."""
        if self._known and position < self._known[-1][1]:  # A standby was promoted without the end of the log.
            self._known.clear()
        self._known.append((at, position))

    def age(self, position: int, now: float) -> float:
        """The seconds since ``position`` was the end of the log; inf if it is older than any that is remembered."""
        return next((now - at for at, known in reversed(self._known) if known <= position), inf)


class Replica:
    """One host that may be read, with its pools of connections."""

    def __init__(self, address: Address, pools: Sequence[ConnectionPool], lag: float) -> None:
        """It isn't read while its state is more than ``lag`` seconds old."""
        self.address, self.pools, self._most_lag = address, pools, lag
        self._probes = ConnectionPool(address, 1)
        self.is_read = False
        self.lag = inf
        self._reason = "was not asked yet"
        self._failed = 0

    async def state(self) -> HostState | None:
        """The host's own report; None if it doesn't answer."""
        try:
            return await state_of(self._probes)
        except StoreError:
            return None

    def update(self, state: HostState | None, positions: Positions, asked_at: float) -> None:
        """Decides from its report whether it is read; ``asked_at`` is the time.monotonic() before the report.

        If it stops answering, everything that waits for it fails at once.
        """
        self._failed = 0 if state else self._failed + 1
        if state is None:
            self.lag = inf
            self._set(False, "doesn't answer")
            if self._failed >= REPLICA_PROBES:
                for pool in (self._probes, *self.pools):
                    pool.abort()
        elif state.timeline is not None:
            self.lag = 0.0
            self.is_read, self._reason = False, PRIMARY
        else:
            self.lag = positions.age(state.position, asked_at)
            behind = f"is more than {self._most_lag:g} seconds behind the primary"
            self._set(self.lag <= self._most_lag, behind)

    def suspect(self) -> None:
        """Leaves the replica out until it answers a probe, since a read has just failed there."""
        self.is_read = False

    async def close(self) -> None:
        """Closes its connections."""
        for pool in (self._probes, *self.pools):
            await pool.close()

    def _set(self, is_read: bool, why_not: str) -> None:
        why = "" if is_read else why_not
        if why != self._reason:
            self._reason = why
            if is_read:
                log.info("The replica %s is read.", self.address)
            else:
                log.warning("The replica %s isn't read: it %s.", self.address, why)
        self.is_read = is_read


async def state_of(pool: ConnectionPool, connect_seconds: float = PROBE_SECONDS) -> HostState:
    """The report of a pool's host; opening a connection may take ``connect_seconds``. Raises Unavailable."""
    is_open, _, _ = pool.counts
    rows: list[Any]
    try:
        rows = await pool.fetch(STATE, (), time.monotonic() + (PROBE_SECONDS if is_open else connect_seconds))
    except OutOfTime as error:
        raise Unavailable(f"{pool.address} doesn't answer now. Try again.") from error
    ((timeline, position),) = rows
    return HostState(timeline, int(position))


def is_answer(error: BaseException | None) -> bool:
    """Whether the server itself has answered with this error, such as that it has no connection left."""
    while error is not None and not isinstance(error, asyncpg.PostgresError):
        error = error.__cause__
    return error is not None
