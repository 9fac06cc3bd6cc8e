"""A primary of PostgreSQL with a standby, for tests of several hosts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import bodies
import postgresql
from postgresql import Cluster
from store.archive import open_archive
from store.engine.database import Address, Replicas
from store.engine.protocols import Archive
from store.engine.sql import Sql
from store.interactions import Interaction
from store.queries.lookups import Lookup

T = TypeVar("T")
SID = bodies.sid("KI", 1)


_thread = ThreadPoolExecutor(1)
"""A server of PostgreSQL ends with the thread that started it, so this one lives as long as the process."""


async def aside(work: Callable[..., T], *arguments: str) -> T:
    """The result of ``work``, such as starting a server, during which clients in this process go on."""
    return await asyncio.get_running_loop().run_in_executor(_thread, work, *arguments)


class ServerPort:
    """Asks for the port of the server that answers."""

    sql: Sql = "SELECT inet_server_port()"
    may_be_long = False
    is_versioned = True

    def parameters(self, keys: Sequence[None]) -> dict[str, Any]:
        return {}

    def answer(self, payload: Any, keys: Sequence[None]) -> list[int]:
        return [payload]


class Pair:
    """A primary with a standby, and a database in both."""

    def __init__(self, primary: Cluster, standby: Cluster, name: str) -> None:
        self.primary, self.standby, self.name = primary, standby, name

    @property
    def address(self) -> Address:
        return Address(self.primary.url(self.name))

    @property
    def both(self) -> Address:
        """The address of both hosts, the standby first."""
        hosts = f"127.0.0.1:{self.standby.port},127.0.0.1:{self.primary.port}"
        return Address(f"postgresql://{postgresql.USER}@{hosts}/{self.name}")

    @asynccontextmanager
    async def opened(self, lag: float = 1.0) -> AsyncIterator[Archive]:
        replica = Address(self.standby.url(self.name))
        async with open_archive(self.address, replicas=Replicas((replica,), lag)) as archive:
            yield archive


async def port(archive: Archive) -> int:
    """The port of the server that an operation reads from."""
    reader = archive.operation_reader()
    try:
        (found,) = await reader.read(ServerPort(), [None])
        return found
    finally:
        await reader.release()


async def stored(archive: Archive, sid: str = SID) -> bool:
    reader = archive.operation_reader()
    try:
        (found,) = await reader.read(Lookup(Interaction), [sid])
        return found is not None
    finally:
        await reader.release()


async def until(is_so: Callable[[], Any]) -> None:
    """Waits until a coroutine function returns something true; the test's own time-out ends it otherwise."""
    while not await is_so():
        await asyncio.sleep(0.02)


async def read_from(archive: Archive, server: Cluster) -> None:
    """Waits until operations read from the server."""

    async def is_read() -> bool:
        return await port(archive) == server.port

    await until(is_read)


async def erase(archive: Archive, sid: str = SID) -> None:
    async with archive.writer.transaction() as transaction:
        await transaction.execute("DELETE FROM interaction WHERE sid = :sid", {"sid": sid})
