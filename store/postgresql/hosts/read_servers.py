"""Chooses where an archive is read: at a replica if its answer is up to date, else at the primary.

Once a deletion was answered, nobody may read the row through any server. So a replica's answer is used only
if the data version in its snapshot equals the primary's, read after the operation had begun. Versions are
random numbers, so those of a standby that was promoted without the last commits never equal earlier ones.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from math import inf
from typing import NamedTuple, Protocol, TypeVar

from store.engine.database import Address, Replicas
from store.errors import StoreError, Unavailable
from store.postgresql.connections import ReadConnection
from store.postgresql.hosts.primary_version import DATA_VERSION, PrimaryVersion
from store.postgresql.hosts.replica import Positions, Replica, is_answer, state_of
from store.postgresql.pools import ConnectionPool
from store.postgresql.several_hosts import hosts_of

T = TypeVar("T")
CONNECT_SECONDS = 2.0
"""How long connecting to a replica may take."""
PRIMARY_PROBES = 3
"""After this many failed probes in a row, another host may be promoted in the primary's place."""
PRIMARY_CONNECT_SECONDS = 3.0
SILENT_SECONDS = 4.0
"""After the primary has been silent for so long, and at each later probe, all that waits for it gets Unavailable.

Its network may be cut, or another host promoted in its place. If there is no other host, later reads and writes get
Unavailable at once, until a probe is answered.
"""
PROBE_INTERVAL_SECONDS = 0.5
"""How often all hosts are probed."""


class PrimaryClient(Protocol):
    """The writer, or a pool of connections to the primary."""

    is_lost: bool

    def abort(self) -> None:
        """Drops its connections: whatever waits for them gets Unavailable."""
        ...


class Pools(NamedTuple):
    """The pools of one host: for operations in a transaction, and for compiled plans."""

    operations: ConnectionPool
    plans: ConnectionPool


class ReadTransaction(NamedTuple):
    """A connection with an open read transaction, and its pool."""

    connection: ReadConnection
    pool: ConnectionPool


class ReadServers:
    """The primary and the replicas of one archive, each with its pools."""

    def __init__(
        self, address: Address, replicas: Replicas, version: PrimaryVersion, pools_of: Callable[[Address, float], Pools]
    ) -> None:
        """``pools_of`` makes the pools of a host, with the seconds that connecting may take."""
        self.primary = pools_of(address, inf)
        hosts = [host for each in (address, *replicas.addresses) for host in hosts_of(each)]
        others = hosts[1:] if len(hosts) > 1 and len(hosts_of(address)) == 1 else hosts
        pairs = [(host, pools_of(host, CONNECT_SECONDS)) for host in (others if len(hosts) > 1 else ())]
        self._replicas = [(Replica(host, pools, replicas.lag), pools) for host, pools in pairs]
        self.has_replicas = bool(pairs)
        self._probes = ConnectionPool(address, 1)
        self._version = version
        self._round_robin = count()
        self._failed, self._silent_since = 0, inf
        self._lost: list[PrimaryClient] = [*self.primary]
        self._positions = Positions()
        self._watching: asyncio.Task[None] | None = None

    @property
    def replicas(self) -> list[Replica]:
        """The replicas, whether they are read or not."""
        return [replica for replica, _ in self._replicas]

    def pools(self) -> list[ConnectionPool]:
        """The pools of all hosts."""
        return [pool for pools in (self.primary, *(pools for _, pools in self._replicas)) for pool in pools]

    async def run(self, work: Callable[[ConnectionPool, bool], Awaitable[tuple[T, int | None]]]) -> T:
        """The result of ``work``, a plan's reads on a pool; runs again at the primary if a replica fails or is behind.

        Its second argument says whether it has to return the data version of its snapshot as well. Raises what
        ``work`` raises, and Unavailable if the primary can't be asked.
        """
        chosen = self._choose()
        if chosen is not None:
            replica, pools = chosen
            asked = self._version.asked()
            try:
                result, version = await work(pools.plans, True)
            except Unavailable:
                replica.suspect()
            else:
                if version == await asked:
                    return result
        result, _ = await work(self.primary.plans, False)
        return result

    async def snapshot(self, deadline: float) -> ReadTransaction:
        """A snapshot for one operation, until ``deadline``, a time of time.monotonic(). Raises Unavailable."""
        chosen = self._choose()
        if chosen is not None:
            replica, pools = chosen
            asked = self._version.asked()
            try:
                begun, version = await _begun(pools.operations, deadline)
            except Unavailable:
                replica.suspect()
            else:
                is_current = False
                try:
                    is_current = version == await asked
                finally:
                    if not is_current:
                        await end(begun)
                if is_current:
                    return begun
        pool = self.primary.operations
        connection = await pool.take(deadline)
        try:
            await connection.begin()
        except BaseException:
            pool.give_back(connection)
            raise
        return ReadTransaction(connection, pool)

    def when_lost(self, *lost: PrimaryClient) -> None:
        """Adds what is aborted when the primary stops answering, or another host was promoted in its place."""
        self._lost += lost

    def suspect(self, pool: ConnectionPool) -> None:
        """Notes that a read failed on a connection of this pool."""
        for replica, pools in self._replicas:
            if pool in pools:
                replica.suspect()

    async def watch(self) -> None:
        """Probes the hosts, and goes on with that until ``close``."""
        if self.has_replicas:  # They are read once they have answered.
            await self.probe()
        self._watching = asyncio.create_task(self._watch(), name="hosts")

    async def probe(self) -> None:
        """Probes all hosts once."""
        begun, primary, answers = time.monotonic(), None, self._answers()
        try:
            primary = await state_of(self._probes, PRIMARY_CONNECT_SECONDS)
        except StoreError as error:
            self._note_failure(begun, not self.has_replicas and (is_answer(error) or self._answers() != answers))
        else:
            self._failed, self._silent_since = 0, inf
            self._positions.note(begun, primary.position)
        replicas = self.replicas
        states = await asyncio.gather(*(replica.state() for replica in replicas))
        for replica, found in zip(replicas, states, strict=True):
            replica.update(found, self._positions, begun)
        timelines = [found.timeline for found in states if found and found.timeline]
        is_replaced = primary is not None and max(timelines, default=0) > (primary.timeline or 0)
        is_silent = time.monotonic() - self._silent_since >= SILENT_SECONDS
        if is_replaced or is_silent or (self.has_replicas and self._failed >= PRIMARY_PROBES):
            for each in (self._probes, *self._lost):
                each.abort()
        for each in self._lost:
            each.is_lost = is_silent and not self.has_replicas

    async def close(self) -> None:
        """Stops probing, and closes the replicas' connections."""
        if self._watching:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for pool in (*self.primary, self._probes):
            await pool.close()
        for replica in self.replicas:
            await replica.close()

    def _note_failure(self, begun: float, is_alive: bool) -> None:
        """Notes a failed probe; ``is_alive`` says that the server answered with an error, or other reads."""
        self._failed += 1
        self._silent_since = inf if is_alive else min(begun, self._silent_since)

    def _answers(self) -> int:
        """How many reads the primary has answered so far."""
        return sum(pool.answers for pool in self.primary)

    def _choose(self) -> tuple[Replica, Pools] | None:
        """The next of the replicas that are read; None if there is none."""
        if not self._replicas:
            return None
        read = [pair for pair in self._replicas if pair[0].is_read]
        return read[next(self._round_robin) % len(read)] if read else None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PROBE_INTERVAL_SECONDS)
            await self.probe()


async def _begun(pool: ConnectionPool, deadline: float) -> tuple[ReadTransaction, int]:
    connection = await pool.take(deadline)
    try:
        await connection.begin()
        ((version,),) = await connection.fetch(DATA_VERSION, (), deadline)
    except BaseException:
        pool.give_back(connection)
        raise
    return ReadTransaction(connection, pool), version


async def end(snapshot: ReadTransaction) -> None:
    """Ends the read transaction, and gives the connection back."""
    try:
        if snapshot.connection.usable:
            with suppress(Unavailable):
                await snapshot.connection.end()
    finally:
        snapshot.pool.give_back(snapshot.connection)
