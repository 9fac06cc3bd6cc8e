"""Waits for standbys: for some seconds, and then the purge says which one it waits for, and goes on later."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from asyncpg import Connection

from store.postgresql.purging import wal
from store.postgresql.purging.table_copy import Unfinished

STANDBY_SECONDS = 2.0


async def await_replay(server: Connection, position: int) -> None:
    """Waits until the standbys of a server have replayed its log up to ``position``. Raises Unfinished."""
    await _await_standbys(partial(wal.not_replayed, server, position), "replayed the rewriting of the tables")


async def await_fetched(server: Connection, position: int) -> None:
    """Waits until the standbys of a server have fetched its log up to ``position``, so that it may be removed there.

    Raises Unfinished.
    """
    await _await_standbys(partial(wal.not_fetched, server, position), "fetched the log")


async def await_replayed(standby: Connection, position: int) -> None:
    """Waits until this standby has replayed the log up to ``position``. Raises Unfinished."""
    await _await_position(partial(wal.replayed, standby), position)


async def await_received(standby: Connection, position: int) -> None:
    """Waits until this standby has the log up to ``position``. Raises Unfinished."""
    await _await_position(partial(wal.received, standby), position)


async def _await_standbys(behind: Callable[[], Awaitable[list[str]]], what: str) -> None:
    until = time.monotonic() + STANDBY_SECONDS
    while names := await behind():
        if time.monotonic() > until:
            raise Unfinished(f"The standby {names[0]} has not yet {what}, or the role can't see it: GRANT pg_monitor.")
        await asyncio.sleep(0.05)


async def _await_position(where: Callable[[], Awaitable[int]], position: int) -> None:
    until = time.monotonic() + STANDBY_SECONDS
    while await where() < position:
        if time.monotonic() > until:
            raise Unfinished("A standby has not yet replayed what was erased.")
        await asyncio.sleep(0.05)
