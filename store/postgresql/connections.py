"""Connections to PostgreSQL: opening one, and reads by it within time limits."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from math import inf
from typing import Any

import asyncpg

from store.engine.database import Address
from store.engine.interruptible import Expiring, Watch
from store.engine.protocols import Parameters
from store.errors import DatabaseError, OutOfTime, Unavailable
from store.postgresql.addresses import arguments
from store.postgresql.explanations import FAILURES, explained_read, unavailable, unreachable
from store.postgresql.parameters import labelled, numbered
from store.postgresql.several_hosts import PRIMARIES, wants_primary

CHECK_INTERVAL_SECONDS = 0.05
"""Seconds between checks for statements that are past their deadline."""
COMMAND_SECONDS = 10.0
"""The default time limit of a statement on the client's side; it also holds if the server is frozen."""
READING = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "1s",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""The server's settings for connections that read. With them the server ends the statements of a client that died.

A statement gets one generic plan instead of one for its values, since planning takes up to a millisecond.
"""
KEEPALIVES = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "6000",
}
"""The server's settings for connections that hold a lock: six seconds after a client's machine is gone, the server
ends its session. By TCP's defaults that would take hours.
"""
CLOSING_SECONDS = 2.0
HOST_SECONDS = 3.0
"""How long connecting to one of several hosts may take."""
SMALL_READ = "read"
"""The kind of statements that belong to no GraphQL operation."""
BACKEND = "SELECT pg_backend_pid()"
READ_TRANSACTION = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

RawConnection = asyncpg.Connection


async def connect(address: Address, settings: dict[str, str] | None = None, most_seconds: float = inf) -> RawConnection:
    """A new connection of asyncpg's, with these settings of the server. Raises DatabaseUnreachable.

    If it names several hosts, it connects to the primary. Each has ``most_seconds`` to answer, or less by the URL.
    """

    async def to_host(host: Address, seconds: float) -> RawConnection:
        given = arguments(host, settings)
        given["timeout"] = min(seconds, given["timeout"])
        return await asyncpg.connect(**given)

    try:
        if wants_primary(address):
            return await PRIMARIES.connect(address, partial(to_host, seconds=min(most_seconds, HOST_SECONDS)))
        return await to_host(address, most_seconds)
    except (ValueError, *FAILURES) as error:
        raise unreachable(error, address) from error


class Connector:
    """Opens connections to an address; those that are being opened can be cancelled."""

    def __init__(self, address: Address, settings: dict[str, str], most_seconds: float = inf) -> None:
        self._address, self._settings, self._most_seconds = address, settings, most_seconds
        self._connecting: set[asyncio.Task[RawConnection]] = set()
        self._is_closed = False

    async def connect(self) -> RawConnection:
        """A new connection. Raises Unavailable, also if ``abort`` or ``close`` is called meanwhile."""
        if self._is_closed:
            raise unavailable(self._address)
        task = asyncio.create_task(connect(self._address, self._settings, self._most_seconds), name="connecting")
        self._connecting.add(task)
        try:
            raw = await task
        except DatabaseError as error:
            raise Unavailable(str(error)) from error
        except asyncio.CancelledError as error:
            if task.done() and not task.cancelled() and not task.exception():
                task.result().terminate()  # It was opened just before the cancellation.
            if task in self._connecting:
                raise
            raise unavailable(self._address) from error
        finally:
            self._connecting.discard(task)
        if self._is_closed:  # It was opened just before ``close``.
            raw.terminate()
            raise unavailable(self._address)
        return raw

    def abort(self) -> None:
        """Cancels the connections that are being opened."""
        connecting, self._connecting = self._connecting, set()
        for task in connecting:
            task.cancel()

    async def close(self) -> None:
        """Cancels the connections that are being opened, waits for that, and opens no more."""
        self._is_closed, connecting = True, [*self._connecting]
        self.abort()
        await asyncio.gather(*connecting, return_exceptions=True)


class ReadConnection:
    """A pooled connection: it reads, and knows whether it can be used again.

    After a time-out or a cancellation its statement may still run, so it is closed instead.
    """

    __slots__ = ("_watch", "address", "raw", "usable")

    def __init__(self, raw: RawConnection, address: Address, watch: Watch | None = None) -> None:
        self.raw, self.address, self._watch = raw, address, watch or Watch(CHECK_INTERVAL_SECONDS)
        self.usable = True

    async def fetch(
        self, sql: str, parameters: Parameters = (), deadline: float = inf, kind: str = SMALL_READ
    ) -> list[Any]:
        """The rows of a statement with named parameters, until ``deadline``, a time of time.monotonic().

        ``kind`` stands in the statement's comment.

        Raises OutOfTime at the deadline, Unavailable if the server is gone or doesn't answer, else ReadFailed.
        """
        text, names = numbered(sql)
        values = [parameters[name] for name in names] if isinstance(parameters, dict) else parameters
        return await self.fetch_values(text, values, deadline, kind)

    async def fetch_values(
        self, text: str, values: Sequence[Any] = (), deadline: float = inf, kind: str = SMALL_READ
    ) -> list[Any]:
        """The same for a statement with numbered parameters."""
        now = time.monotonic()
        if deadline <= now:
            raise OutOfTime
        read = Expiring(self.raw.fetch(labelled(text, kind), *values), min(deadline, now + COMMAND_SECONDS))
        self._watch.add(read)
        try:
            return await read
        except asyncio.CancelledError as error:
            self.usable = False
            if not read.is_interrupted:
                raise
            raise (OutOfTime() if deadline <= read.due else unavailable(self.address)) from error
        except Exception as error:
            raise explained_read(error, self.address) from error
        finally:
            self._watch.discard(read)

    async def begin(self) -> None:
        """Opens a read transaction, whose statements all see the archive as it is now."""
        await self._command(READ_TRANSACTION)

    async def end(self) -> None:
        """Ends the read transaction."""
        await self._command("COMMIT")

    async def _command(self, sql: str) -> None:
        try:
            await self.raw.execute(sql, timeout=COMMAND_SECONDS)
        except BaseException as error:
            self.usable = False
            if isinstance(error, Exception):
                raise explained_read(error, self.address) from error
            raise

    @property
    def is_idle(self) -> bool:
        """Whether another operation can use it now."""
        return self.usable and not self.raw.is_closed() and not self.raw.is_in_transaction()


async def is_direct(raw: RawConnection) -> bool:
    """Whether the connection is to PostgreSQL itself: a pool such as PgBouncer gives its clients other process ids."""
    return bool(await raw.fetchval(BACKEND, timeout=COMMAND_SECONDS) == raw.get_server_pid())


async def close(raw: RawConnection) -> None:
    """Closes a connection; also one whose statement is being cancelled, or whose server doesn't answer."""
    try:
        await raw.close(timeout=CLOSING_SECONDS)
    except FAILURES:
        raw.terminate()
