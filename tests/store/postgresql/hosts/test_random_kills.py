"""Primary, standby and gateways are killed at random moments, during syncs, deletions and purges; then all agrees.

``--kills`` says how often, ``--seed`` at which moments. By hand: ``--kills 90`` kills each of the three thirty times.
"""

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from random import Random
from typing import Any

import aiohttp
import asyncpg
import pytest

import bodies
import postgresql
from canaries_in_clusters import canary, files_with
from fake_twilio import FakeTwilio
from gateways import served
from hosts import Pair, aside
from mirror import account, assert_equal, mirroring
from reading_load import DELETE, QUERY
from store.archive import open_archive
from store.engine.database import Address
from store.errors import StoreError
from store.postgresql.purging.stages import Purge

pytestmark = pytest.mark.processes

SESSIONS = 20
IN_EACH = 20
BY_COPY, IN_PLACE = 0, 16_000_000
UNSETTLED = "SELECT count(*) FROM deletion WHERE erased_at IS NULL"


class Gateway:
    """A server that is started again whenever it ends."""

    def __init__(self, fake: FakeTwilio, database: Address) -> None:
        self._fake, self._database = fake, database
        self.process: Process | None = None
        self.address = ""

    async def keep(self) -> None:
        while True:
            with suppress(AssertionError):  # Without a primary it doesn't start.
                async with served(self._fake, self._database, "--sync-every", "1") as (self.process, self.address):
                    await self.process.wait()
            self.process, self.address = None, ""


class Clients:
    """They delete Interactions at random gateways and read them, and note what a read must not answer."""

    def __init__(self, pick: Random, fake: FakeTwilio, gateways: list[Gateway]) -> None:
        self._pick, self._fake, self._gateways = pick, fake, gateways
        self._numbers = count(1)
        self.answered: list[str] = []
        self.wrong: list[str] = []
        self.reads = 0

    def put(self) -> None:
        """A new Interaction at Twilio."""
        number = next(self._numbers)
        of = self._pick.randrange(1, SESSIONS + 1)
        data = json.dumps({"body": canary(number)})
        self._fake.put(bodies.interaction(number, of=of, account_sid=self._fake.account_sid, data=data))
        # The session has changed, so that a sync reads it.
        self._fake.put(self._fake.get(bodies.sid("KC", of)) | {"date_updated": bodies.time(number % 30_000)})

    async def write(self) -> None:
        while True:
            self.put()
            await asyncio.sleep(0.05)

    async def delete(self, session: aiohttp.ClientSession) -> None:
        while True:
            sid = self._pick.choice(self._fake.sids("KI"))
            found = await self._ask(session, DELETE, sid)
            if found and "errors" not in found and found["data"]["deleteInteraction"]["deletedInteractionId"] == sid:
                self.answered.append(sid)
            await asyncio.sleep(0.02)

    async def read(self, session: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.sleep(0.005)
            if self.answered:
                sid = self._pick.choice(self.answered)
                found = await self._ask(session, QUERY, sid)
                if found and "errors" not in found:
                    self.reads += 1
                    self.wrong += [sid] if found["data"]["interaction"] else []

    async def _ask(self, session: aiohttp.ClientSession, query: str, sid: str) -> Any:
        address = self._pick.choice(self._gateways).address
        if not address:
            return None
        with suppress(aiohttp.ClientError):
            async with session.post(f"{address}/graphql", json={"query": query, "variables": {"sid": sid}}) as answer:
                return await answer.json()
        return None


async def purge(pick: Random, pair: Pair) -> None:
    """Removes the bytes of what was erased, again and again, in either way."""
    while True:
        replicas = [Address(pair.standby.url(pair.name))]
        purging = Purge(pair.address, replicas, pick.choice([BY_COPY, IN_PLACE]))
        with suppress(StoreError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await purging.advance(at_once=True)
        await asyncio.sleep(0.05)


@asynccontextmanager
async def tasks(*works: asyncio.Task[None]) -> AsyncIterator[None]:
    """Runs them during the block; one that fails fails the test."""
    try:
        yield
    finally:
        for work in works:
            work.cancel()
        ended = await asyncio.gather(*works, return_exceptions=True)
    assert [each for each in ended if not isinstance(each, asyncio.CancelledError)] == []


async def reached(number: Callable[[], int], by: int) -> None:
    enough = number() + by
    while number() < enough:
        await asyncio.sleep(0.001)


@pytest.fixture
def pair(spare: Pair) -> Pair:
    """Clusters of its own. Without a slot the checkpoint at the primary's start can drop log that the standby needs."""
    spare.primary.sql("SELECT pg_create_physical_replication_slot('standby', true)")
    spare.standby.sql("ALTER SYSTEM SET primary_slot_name = 'standby'")
    spare.standby.stop()
    spare.standby.start()
    return spare


@pytest.mark.timeout(1800)
async def test_killed_at_random_moments_both_servers_equal_twilio_and_no_byte_of_an_answered_deletion_is_left(
    pair: Pair, request: pytest.FixtureRequest, session: aiohttp.ClientSession
) -> None:
    kills, seed = request.config.getoption("--kills"), request.config.getoption("--seed")
    print(f"--kills {kills} --seed {seed}")
    pick, fake = Random(seed), FakeTwilio()
    account(fake, services=1, sessions=SESSIONS, interactions=0)
    pair.primary.sql("TRUNCATE interaction, participant, session, service CASCADE", pair.name)
    gateways = [Gateway(fake, pair.both), Gateway(fake, pair.both)]
    clients = Clients(pick, fake, gateways)
    for _ in range(SESSIONS * IN_EACH):
        clients.put()
    victims = [pick.choice(["primary", "standby", "gateway"]) for _ in range(max(0, kills - 3))]
    victims += ["primary", "standby", "gateway"]
    works = [*(each.keep() for each in gateways), clients.write(), clients.read(session), purge(pick, pair)]
    works += [clients.delete(session) for _ in range(4)]
    async with fake.serving(), tasks(*map(asyncio.create_task, works)):
        for victim in victims:
            await reached(lambda: fake.total_requests, pick.randint(1, 60))
            await reached(lambda: len(clients.answered), pick.randint(0, 3))
            if victim == "gateway":
                process = pick.choice([each.process for each in gateways if each.process] or [None])
                if process and process.returncode is None:
                    process.kill()
            else:
                cluster = pair.primary if victim == "primary" else pair.standby
                await aside(cluster.kill)
                await aside(cluster.start)
    print(f"{len(clients.answered)} deletions were answered, {clients.reads} reads of them")
    assert clients.wrong == []
    async with fake.serving(), served(fake, pair.both):
        while int(await aside(pair.primary.sql, UNSETTLED, pair.name)):
            await asyncio.sleep(0.05)
    async with mirroring(pair.address, fake) as mirror:
        await mirror.sync(full=True)
        await mirror.assert_equal()
        assert set(clients.answered) <= set(await mirror.ledger())
    assert set(clients.answered).isdisjoint(fake.sids("KI"))
    postgresql.catch_up(pair.standby, pair.primary)
    async with open_archive(Address(pair.standby.url(pair.name)), create=False) as standby:
        await assert_equal(standby, fake)
    purging = Purge(pair.address, [Address(pair.standby.url(pair.name))])
    while waits_for := await purging.advance(at_once=True):
        print(waits_for)
    numbers = [int(sid[2:], 16) for sid in clients.answered]
    assert [files_with(cluster, *numbers) for cluster in (pair.primary, pair.standby)] == [set(), set()]
