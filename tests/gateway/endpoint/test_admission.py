"""Admission control: the execution slots and the in-flight limit, also when clients disconnect."""

import asyncio
import json
import time

import aiohttp
import pytest

from bodies import interaction, put, service, session
from gateway.endpoint.admission import OPERATIONS_AT_ONCE, ExecutionSlot, ExecutionSlots, InFlightLimit
from gateway.http.exchange import HttpError
from gateway_under_test import origin_of, serving
from store.archive import open_archive
from store.engine.database import Database

QUERY = {"query": "{ services { totalCount } }"}
JSON = {"Content-Type": "application/json"}
POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_requests_over_the_in_flight_limit_are_asked_to_retry() -> None:
    in_flight = InFlightLimit(2)
    in_flight.enter("one")
    in_flight.enter("other")
    with pytest.raises(HttpError) as refusal:
        in_flight.enter("another")
    assert (refusal.value.status, dict(refusal.value.headers)) == (503, {b"retry-after": b"1"})
    in_flight.leave("one")
    in_flight.enter("another")


def test_no_single_caller_can_use_up_the_in_flight_limit() -> None:
    in_flight = InFlightLimit(100)
    for _ in range(75):
        in_flight.enter("one")
    with pytest.raises(HttpError) as refusal:
        in_flight.enter("one")
    assert (refusal.value.status, refusal.value.code) == (503, "OVERLOADED")
    for _ in range(25):
        in_flight.enter("other")
    in_flight.leave("one")
    in_flight.enter("one")


async def test_few_operations_run_at_once_and_a_search_releases_its_slot() -> None:
    slots, found = ExecutionSlots(), asyncio.Event()
    running: list[str] = []

    async def search() -> None:
        async with slots.slot() as slot, slot.released():
            await found.wait()
        running.append("searched")

    async def run(name: str, leave: asyncio.Event) -> None:
        async with slots.slot():
            running.append(name)
            await leave.wait()

    leave = asyncio.Event()
    searches = [asyncio.create_task(search()) for _ in range(10 * OPERATIONS_AT_ONCE)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(run(str(number), leave)) for number in range(OPERATIONS_AT_ONCE + 1)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert running == [str(number) for number in range(OPERATIONS_AT_ONCE)]
    leave.set()
    found.set()
    await asyncio.gather(*searches, *others)
    assert len(running) == len(searches) + len(others)


async def test_a_cancelled_search_keeps_no_slot() -> None:
    slots = ExecutionSlots()

    async def search() -> None:
        async with slots.slot() as slot, slot.released():
            await asyncio.Event().wait()

    for _ in range(2 * OPERATIONS_AT_ONCE):
        given_up = asyncio.create_task(search())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
    async with slots.slot(), slots.slot(), slots.slot():
        pass


async def test_a_search_that_starts_while_another_waits_for_the_slot_takes_no_second_slot() -> None:
    slots, ends, leave = ExecutionSlots(), [asyncio.Event(), asyncio.Event()], asyncio.Event()

    async def search(slot: ExecutionSlot, end: asyncio.Event) -> None:
        async with slot.released():
            await end.wait()

    async def run() -> None:
        async with slots.slot():
            await leave.wait()

    async with slots.slot() as slot:
        first = asyncio.create_task(search(slot, ends[0]))
        await asyncio.sleep(0)
        others = [asyncio.create_task(run()) for _ in range(OPERATIONS_AT_ONCE)]
        ends[0].set()
        await asyncio.sleep(0)
        second = asyncio.create_task(search(slot, ends[1]))
        await asyncio.sleep(0)
        leave.set()
        await asyncio.gather(first, *others)
        ends[1].set()
        await second
    async with slots.slot(), slots.slot(), slots.slot():
        pass


async def test_a_search_that_outlives_its_operation_takes_no_slot() -> None:
    slots, found = ExecutionSlots(), asyncio.Event()

    async def search(slot: ExecutionSlot) -> None:
        async with slot.released():
            await found.wait()

    for _ in range(2 * OPERATIONS_AT_ONCE):
        async with slots.slot() as slot:
            searching = asyncio.create_task(search(slot))
            await asyncio.sleep(0)
        found.set()
        await searching
        found.clear()
    async with slots.slot(), slots.slot(), slots.slot():
        pass


@pytest.mark.parametrize("plans", ["true", "false"], ids=["planned", "ordinary"])
@pytest.mark.parametrize("leaves", ["closes", "resets"])
async def test_a_request_whose_client_disconnected_is_cancelled(
    database: Database, plans: str, leaves: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred requests with long searches of clients that have disconnected delay nobody.

    All of them would take dozens of times of what one takes on this machine at its present load.
    """
    monkeypatch.setenv("PROXYGRAPH_PLANS", plans)
    async with open_archive(database) as archive:
        data = json.dumps({"body": "x" * 1_000_000})
        await put(archive, service(1), session(1))
        await put(archive, *(interaction(number, data=data) for number in range(1, 31)))
    search = 'interactions(first: 1, filter: {bodyContains: "nobody said %d"}) { nodes { sid } }'
    searches = " ".join(f"a{number}: {search % number}" for number in range(20))
    body = json.dumps({"query": f"{{ {searches} }}"}).encode()
    async with serving(database, limits={"max_seconds": 60}) as client:
        begun = time.monotonic()
        async with client.post("/graphql", data=body, headers=JSON, timeout=aiohttp.ClientTimeout(60)) as response:
            assert "errors" not in await response.json()
        alone = time.monotonic() - begun
        address = await origin_of(client)
        gone = [await asyncio.open_connection(address.host, address.port) for _ in range(100)]
        for _, writer in gone:
            writer.write(POST + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        while not (gone[-1][0].at_eof() or await refused(client)):
            await asyncio.sleep(0.01)
        for _, writer in gone:
            if leaves == "resets":
                writer.transport.abort()
            writer.close()
        async with asyncio.timeout(10 * alone):
            while await refused(client):
                await asyncio.sleep(0.05)
            while b'proxygraph_http_responses_total{status="499"}' not in await metrics(client):
                await asyncio.sleep(0.05)


async def refused(client: aiohttp.ClientSession) -> bool:
    """Whether one more request is refused."""
    async with client.post("/graphql", json=QUERY) as response:
        return response.status == 503


async def metrics(client: aiohttp.ClientSession) -> bytes:
    async with client.get("/metrics") as response:
        return await response.read()
