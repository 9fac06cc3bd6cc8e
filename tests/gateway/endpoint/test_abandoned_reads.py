"""Point reads whose client has disconnected."""

import asyncio
import json
import re

import aiohttp
import asyncpg
import pytest
import uvicorn
from uvicorn.server import ServerState

from bodies import interaction, participant, put, service, session, sid
from gateway.http.connection_control import connection_of
from gateway.http.exchange import Receive, Scope, Send
from gateway.transport.connection import Connection
from gateway_under_test import origin_of, serving
from raw_http import GET
from store.archive import open_archive
from store.engine.database import Address

QUERY = json.dumps({"query": f'{{ interaction(sid: "{sid("KI", 1)}") {{ sid type }} }}'}).encode()
POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.parametrize("leaves", ["closes", "resets"])
async def test_a_point_read_on_postgresql_is_cancelled_when_its_client_goes_away(
    empty_postgresql: str, leaves: str
) -> None:
    """Another transaction's lock holds it back; PostgreSQL gives it up while the lock is still held."""
    database = Address(empty_postgresql)
    async with open_archive(database) as archive:
        await put(archive, service(), session(), participant(), interaction())
    locking = await asyncpg.connect(empty_postgresql)
    try:
        async with asyncio.timeout(30), serving(database, {"max_seconds": 60}) as client:
            async with client.post("/graphql", data=QUERY, headers={"Content-Type": "application/json"}) as response:
                assert (await response.json())["data"]["interaction"]["type"] == "MESSAGE"
            address, before = await origin_of(client), await abandoned(client)
            await locking.execute("BEGIN; LOCK TABLE interaction IN ACCESS EXCLUSIVE MODE")
            _, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(POST % (len(QUERY), QUERY))
            while not await locking.fetchval(WAITING):
                await asyncio.sleep(0.01)
            if leaves == "resets":
                writer.transport.abort()
            writer.close()
            while await locking.fetchval(WAITING):
                await asyncio.sleep(0.05)
            assert await abandoned(client) == before + 1
            await locking.execute("ROLLBACK")
            async with client.post("/graphql", data=QUERY, headers={"Content-Type": "application/json"}) as response:
                assert (await response.json())["data"]["interaction"]["type"] == "MESSAGE"
    finally:
        await locking.close()


async def abandoned(client: aiohttp.ClientSession) -> float:
    """How many requests' clients have disconnected in this process, by its metrics."""
    async with client.get("/metrics") as response:
        found = re.search(rb'proxygraph_http_responses_total{status="499"} (\S+)', await response.read())
    return float(found[1]) if found else 0.0


async def test_only_what_says_so_is_cancelled_when_its_client_goes_away() -> None:
    """A mutation is finished, even if its client disconnected before a point read's that was cancelled."""
    begun, cancelled, finished = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] == "/read":
            connection_of(scope).allow_cancellation()
        begun.release()
        try:
            await cancelled.wait()
        except asyncio.CancelledError:
            cancelled.set()
        else:
            finished.set()

    config = uvicorn.Config(waits, lifespan="off", log_config=None)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0
    )
    async with asyncio.timeout(20):
        for path in (b"mutation", b"read"):
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(GET % path)
            await begun.acquire()
            writer.transport.abort()
        await finished.wait()
        server.close()
        await server.wait_closed()
