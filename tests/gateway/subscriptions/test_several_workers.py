"""Each worker's subscribers hear of what another worker, or another process, has written."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

import bodies
from following import CHANGES, Stream, following
from running_commands import running
from store.archive import open_archive

SUBSCRIBERS = 16
"""The system gives each connection to one of two workers at random, so that one in 32,768 runs has all at one."""
DELETE = """
mutation ($sid: ID!) { deleteInteraction(input: { sid: $sid }) { clientMutationId } }
"""


@pytest.mark.servers
async def test_subscribers_of_all_workers_hear_of_a_deletion_and_of_another_process(
    database: Path,
) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.interaction(1))
    with running("serve", "--database", str(database), "--workers", "2") as address:
        async with AsyncExitStack() as stack, asyncio.timeout(60):
            client = await stack.enter_async_context(
                aiohttp.ClientSession(address, connector=aiohttp.TCPConnector(limit=0, force_close=True))
            )
            streams = [
                await stack.enter_async_context(following(client, CHANGES, {"types": ["INTERACTION"]}))
                for _ in range(SUBSCRIBERS)
            ]
            sent = {"query": DELETE, "variables": {"sid": bodies.sid("KI", 1)}}
            async with client.post("/graphql", json=sent) as response:
                assert "errors" not in await response.json()
            assert await next_of_each(streams) == {("ERASED", bodies.sid("KI", 1))}
            async with open_archive(database, check_for_damage=False) as archive:
                await bodies.put(archive, bodies.interaction(2))
            assert await next_of_each(streams) == {("CREATED", bodies.sid("KI", 2))}


async def next_of_each(streams: list[Stream]) -> set[tuple[str, str]]:
    found = set()
    for stream in streams:
        event = await stream.next()
        assert event
        change = event["data"]["changes"]
        found.add((change["kind"], change["sid"]))
    return found
