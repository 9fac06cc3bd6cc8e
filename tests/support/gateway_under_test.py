"""The gateway for tests: its schema over an archive, and a real server on loopback."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, cast

import aiohttp
import orjson
import uvicorn
from yarl import URL

from gateway.app import Gateway
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.callbacks import CallbackSettings
from gateway.settings.mirror import TwilioSettings
from gateway.settings.server import Limits, Protocol, ServeSettings
from gateway.settings.subscriptions import SubscriptionSettings
from gateway.transport.connection import Connection
from resolvers.access import ANYBODY, Access
from resolvers.context import Context
from store.engine.database import Database
from store.engine.protocols import Archive, ReadStatement


class Answer(dict[str, Any]):
    """A response, with the statements that made it."""

    statements: list[ReadStatement]


BOUNDS = ("cost", "tokens", "depth", "aliases", "directives", "root_fields", "repeated_fields", "statements")
UNLIMITED = Limits.of({f"max_{bound}": 10**12 for bound in BOUNDS})
"""Limits for tests in which the size of documents doesn't matter."""
Ask = Callable[..., Awaitable[Answer]]
SERVERS = ("own", "httptools", "h11", "hypercorn")
chosen = {"server": "own"}
"""Which of the servers the tests' applications run under."""


def connections() -> list[str]:
    """The threads of aiosqlite's open connections, each of which keeps the process from ending."""
    return [thread.name for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]


def asker(archive: Archive, access: Access = ANYBODY, plans: PlanCache | None = None) -> Ask:
    async def run(query: str, **variables: Any) -> Answer:
        context = Context(archive, access=access)
        result = await execute(Request(query, variables=variables), context, UNLIMITED, plans)
        answer = Answer(orjson.loads(result.encoded()))
        answer.statements = context.reader.statements
        return answer

    return run


def connection_class(read_seconds: float) -> type[Connection]:
    """The server's connection class, with its own deadline for reading a request."""
    return type("ConnectionForATest", (Connection,), {"seconds": read_seconds})


class PromptServer(uvicorn.Server):
    """Stops at once when ``stopping`` is set; uvicorn's server checks for that ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(4):  # A connection closes in that many turns of the loop.
            await asyncio.sleep(0)
        await asyncio.wait_for(self._wait_tasks_to_complete(), self.config.timeout_graceful_shutdown)
        await self.lifespan.shutdown()


@asynccontextmanager
async def address_of(
    database: Database,
    limits: Mapping[str, Any] = MappingProxyType({}),
    protocol: Mapping[str, Any] = MappingProxyType({}),
    twilio: TwilioSettings | None = None,
    jwt: JwtSettings | None = None,
    subscriptions: Mapping[str, Any] = MappingProxyType({}),
    callbacks: CallbackSettings | None = None,
    **access: Any,
) -> AsyncIterator[str]:
    """The address of a real server over ``database``, which stops at the end of the block; ``access`` are settings."""
    gateway = Gateway(
        ServeSettings.of({"database": database}),
        twilio,
        limits=Limits.of(limits),
        protocol=Protocol.of(protocol),
        access=AccessSettings.of(access),
        jwt=jwt,
        subscriptions=SubscriptionSettings.of(subscriptions),
        callbacks=callbacks,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = _hypercorn if chosen["server"] == "hypercorn" else _uvicorn
        async with server(gateway, listener, Limits.of(limits).read_seconds):
            yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _uvicorn(gateway: Gateway, listener: socket.socket, read_seconds: float) -> AsyncIterator[None]:
    http = connection_class(read_seconds) if chosen["server"] == "own" else chosen["server"]
    config = uvicorn.Config(
        gateway,
        http=http,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        loop="none",
        lifespan="on",
        log_config=None,
        timeout_graceful_shutdown=5,
    )
    server = PromptServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.stopping.set()
        await task


@asynccontextmanager
async def _hypercorn(gateway: Gateway, listener: socket.socket, _: float) -> AsyncIterator[None]:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config, stopping = Config(), asyncio.Event()
    config.bind, config.graceful_timeout, config.errorlog = [f"fd://{listener.detach()}"], 1, None
    task = asyncio.create_task(serve(cast("Any", gateway), config, shutdown_trigger=stopping.wait))
    try:
        yield
    finally:
        stopping.set()
        await task


async def origin_of(client: aiohttp.ClientSession) -> URL:
    """The scheme, host and port of the client's server."""
    async with client.get("/livez") as response:
        return response.url.origin()


@asynccontextmanager
async def serving(database: Database, *arguments: Any, **settings: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a real server over ``database``, with the arguments of address_of."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        address_of(database, *arguments, **settings) as address,
        aiohttp.ClientSession(address, timeout=timeout) as client,
    ):
        yield client
