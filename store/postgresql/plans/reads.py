"""PostgreSQL's reads of compiled plans: chooses a server and a connection, and begins a transaction if one is needed.

A plan of one statement needs no transaction. If it turns out to need more, it starts again in a transaction.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TypeVar

from store.plans.reads import PlanReader, Rows
from store.plans.rows import RowsBySid
from store.postgresql.hosts.read_servers import ReadServers
from store.postgresql.plans.reader import KIND, NeedsTransaction, PostgreSQLPlanReader
from store.postgresql.plans.statements import row_text
from store.postgresql.pools import ConnectionPool

T = TypeVar("T")


class PostgreSQLPlanReads:
    """Runs operations on the primary or a replica; see PlanReads."""

    reads_at_once = False

    def __init__(self, servers: ReadServers) -> None:
        self._servers = servers

    def row_at_once(self, wanted: RowsBySid, sid: str, until: float) -> None:
        """None: a read of PostgreSQL always waits."""

    async def row(self, wanted: RowsBySid, sid: str, until: float) -> Rows:
        """One statement, without a transaction."""
        if self._servers.has_replicas:
            return await self._servers.run(partial(_row, wanted, sid, until))
        rows, _ = await _row(wanted, sid, until, self._servers.primary.plans, False)
        return rows

    async def run(self, had_several: bool, until: float, work: Callable[[PlanReader], Awaitable[T]]) -> T:
        """Runs the operation on the next free connection, in a transaction if it has more than one statement."""
        return await self._servers.run(partial(_run, work, had_several, until))


async def _row(
    wanted: RowsBySid, sid: str, until: float, pool: ConnectionPool, needs_version: bool
) -> tuple[Rows, int | None]:
    deadline = time.monotonic() + until - perf_counter()
    connection = pool.take_free() or await pool.take(deadline)
    try:
        if needs_version:
            reader = PostgreSQLPlanReader(connection, True, until, needs_version)
            return [row for _, row in await reader.rows(wanted, (sid,))], reader.data_version
        return await connection.fetch_values(wanted.by(row_text), (sid,), deadline, KIND), None
    finally:
        pool.give_back(connection)


async def _run(
    work: Callable[[PlanReader], Awaitable[T]],
    had_several: bool,
    until: float,
    pool: ConnectionPool,
    needs_version: bool,
) -> tuple[T, int | None]:
    connection = pool.take_free() or await pool.take(time.monotonic() + until - perf_counter())
    try:
        if not had_several:
            reader = PostgreSQLPlanReader(connection, True, until, needs_version)
            with suppress(NeedsTransaction):
                return await work(reader), reader.data_version
        await connection.begin()
        try:
            reader = PostgreSQLPlanReader(connection, False, until, needs_version)
            return await work(reader), reader.data_version
        finally:
            if connection.usable:
                await connection.end()
    finally:
        pool.give_back(connection)
