"""Subscriptions to the change feed, over a real server: nothing lost, nothing twice, and no content that isn't due."""

import asyncio
import socket as sockets
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bodies import interaction, put, session, sid
from checkout import ROOT
from following import CHANGES, INTERACTIONS, following, newest, subscribe, websocket
from gateway_under_test import serving
from store import keys
from store.changes import read_feed
from store.engine.protocols import Archive
from store.erasure.interactions import erase
from store.live import changes
from store.queries.changes import FeedQuery


@pytest.fixture
async def live(archive: Archive) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a server beside the archive, which writes over connections of its own."""
    async with serving(archive.database) as client:
        yield client


def change(answer: dict[str, Any] | None, field: str = "changes") -> dict[str, Any]:
    assert answer is not None
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"][field]
    return found


async def test_each_change_comes_as_soon_as_it_is_committed(archive: Archive, live: aiohttp.ClientSession) -> None:
    async with following(live, CHANGES, {"types": ["INTERACTION"]}) as stream:
        await put(archive, interaction(1))
        first = change(await stream.next())
        assert (first["kind"], first["type"], first["sid"]) == ("CREATED", "INTERACTION", sid("KI", 1))
        assert first["node"] == {"id": sid("KI", 1), "body": "text 1", "outbound": {"resourceStatus": "DELIVERED"}}
        await put(archive, interaction(1, outbound_resource_status="failed"))
        assert change(await stream.next())["node"]["outbound"] == {"resourceStatus": "FAILED"}
        await erase(archive, sid("KI", 1))
        last = change(await stream.next())
        assert (last["kind"], last["sid"], last["node"]) == ("ERASED", sid("KI", 1), None)


async def test_the_same_events_come_over_a_websocket(archive: Archive, live: aiohttp.ClientSession) -> None:
    after = await newest(archive)
    async with websocket(live) as socket:
        for name in ("a", "b"):
            await subscribe(socket, CHANGES, name, after=after, types=["INTERACTION"])
        await put(archive, interaction(1))
        got = [await socket.receive_json() for _ in range(2)]
        assert {message["id"] for message in got} == {"a", "b"}
        assert [change(message["payload"])["node"]["body"] for message in got] == ["text 1"] * 2


async def test_a_commit_of_another_process_is_noticed(archive: Archive, live: aiohttp.ClientSession) -> None:
    code = (
        "import asyncio, sys; from bodies import interaction, put\n"
        "from store.archive import open_archive\nfrom store.engine.database import database_of\n"
        "async def main():\n"
        "    async with open_archive(database_of(sys.argv[1])) as archive: await put(archive, interaction(7))\n"
        "asyncio.run(main())"
    )
    async with following(live, CHANGES) as stream:
        environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}"}
        command = [sys.executable, "-c", code, str(archive.database)]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environment, check=True, timeout=60)
        assert change(await stream.next())["sid"] == sid("KI", 7)


async def test_fifty_reconnections_lose_nothing_and_get_nothing_twice(
    archive: Archive, live: aiohttp.ClientSession
) -> None:
    total, got, after = 200, list[str](), await newest(archive)

    async def write() -> None:
        for number in range(1, total + 1):
            await put(archive, interaction(number))

    writing = asyncio.create_task(write())
    for turn in range(50):
        async with following(live, CHANGES, {"after": after}) as stream:
            for _ in range(1 + turn % 5):
                found = change(await stream.next())
                after = found["cursor"]
                got.append(found["sid"])
    async with following(live, CHANGES, {"after": after}) as stream:
        while len(got) < total:
            got.append(change(await stream.next())["sid"])
    await writing
    assert got == [sid("KI", number) for number in range(1, total + 1)]


async def test_a_follower_that_falls_behind_reads_the_feed_again(
    archive: Archive, live: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no queue grows, whoever is slow."""
    monkeypatch.setattr(changes, "MOST_PENDING", 3)
    monkeypatch.setattr(changes, "CAUGHT_UP_AT_ONCE", 5)
    monkeypatch.setattr(changes, "READ_AT_ONCE", 7)
    async with following(live, CHANGES) as stream:
        for start in range(1, 100, 20):
            await put(archive, *(interaction(number) for number in range(start, start + 20)))
        assert [change(await stream.next())["sid"] for _ in range(100)] == [sid("KI", n) for n in range(1, 101)]


@pytest.mark.parametrize(
    ("variables", "numbers"),
    [
        ({"filter": {"sessionSid": sid("KC", 2)}}, [102, 3]),
        ({"types": ["SESSION"]}, [102]),
        ({"filter": {"kind": ["UPDATED"]}}, [1]),
        ({}, [102, 1, 3, 1]),
    ],
)
async def test_filters_select_changes(
    archive: Archive, live: aiohttp.ClientSession, variables: dict[str, Any], numbers: list[int]
) -> None:
    """Both the changes that are read from the feed first, and the new ones."""
    after = await newest(archive)
    names = {sid("KC", 2): 102} | {sid("KI", number): number for number in (1, 3)}
    for _ in range(2):
        async with following(live, CHANGES, {"after": after} | variables) as stream:
            if after == await newest(archive):
                await put(archive, session(2))
                await put(archive, interaction(1))
                await put(archive, interaction(3, of=2))
                await put(archive, interaction(1, outbound_resource_status="failed"))
            assert [names[change(await stream.next())["sid"]] for _ in numbers] == numbers


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ({"sessionSid": sid("KC", 2)}, 2),
        ({"serviceSid": sid("KS", 1)}, 1),
        ({"bodyContains": "TEXT 2"}, 2),
        ({"type": ["MESSAGE"], "outboundStatus": ["FAILED"]}, 3),
        ({"resourceSid": sid("SM", 2)}, 2),
        ({"dateCreated": {"from": "2026-01-01T00:03:00Z"}}, 3),
        (None, 1),
    ],
)
async def test_interactions_come_that_meet_the_filter(
    archive: Archive, live: aiohttp.ClientSession, wanted: dict[str, Any] | None, number: int
) -> None:
    await put(archive, session(2))
    async with following(live, INTERACTIONS, {"filter": wanted}) as stream:
        await put(archive, session(3), interaction(1), interaction(2, of=2))
        await put(archive, interaction(3, outbound_resource_status="failed"))
        found = change(await stream.next(), "interactions")
        assert (found["sid"], found["interaction"]) == (sid("KI", number), {"body": f"text {number}"})


async def test_an_erasure_comes_whatever_the_erased_row_was(archive: Archive, live: aiohttp.ClientSession) -> None:
    """Nothing of it is left to compare, and copies have to erase it."""
    await put(archive, interaction(1))
    wanted = {"bodyContains": "something else", "sessionSid": sid("KC", 1)}
    async with following(live, INTERACTIONS, {"filter": wanted}) as stream:
        await erase(archive, sid("KI", 1))
        found = change(await stream.next(), "interactions")
        assert (found["kind"], found["sid"], found["interaction"]) == ("ERASED", sid("KI", 1), None)


async def test_a_late_subscriber_never_gets_what_was_erased_meanwhile(
    archive: Archive, live: aiohttp.ClientSession
) -> None:
    """Responses are shared by those who ask the same, but not over a write."""
    wanted = {"after": await newest(archive)}
    async with following(live, CHANGES, wanted) as first, following(live, CHANGES, wanted) as second:
        await put(archive, interaction(1))
        for stream in (first, second):
            assert change(await stream.next())["node"]["body"] == "text 1"
        await erase(archive, sid("KI", 1))
        async with following(live, CHANGES, wanted) as late:
            assert change(await late.next())["node"] is None


async def test_content_is_withheld_from_each_event(archive: Archive) -> None:
    reading = await keys.create(archive, "console", ("read",), None)
    content = await keys.create(archive, "content", ("read", "read:content"), None)
    async with serving(archive.database, require_key=True) as client:
        bearers = [f"Bearer {key}" for key in (reading, content)]
        async with (
            following(client, CHANGES, None, Authorization=bearers[0]) as without,
            following(client, CHANGES, None, Authorization=bearers[1]) as having,
        ):
            await put(archive, interaction(1))
            answer = await without.next()
            assert change(answer)["node"]["body"] is None
            assert answer is not None
            assert answer["extensions"] == {"withheld": ["Interaction.body"]}
            assert change(await having.next())["node"]["body"] == "text 1"
        async with following(
            client, INTERACTIONS, {"filter": {"bodyContains": "x"}}, Authorization=bearers[0]
        ) as refused:
            (error,) = (await refused.next() or {})["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("after", "code"),
    [("0123456789abcdef.1", "CHANGES_EXPIRED"), ("nonsense", "BAD_USER_INPUT")],
)
async def test_a_cursor_that_can_not_be_resumed_from_is_refused(
    live: aiohttp.ClientSession, after: str, code: str
) -> None:
    async with following(live, CHANGES, {"after": after}) as stream:
        (error,) = (await stream.next() or {})["errors"]
        assert error["extensions"]["code"] == code
        assert await stream.next() is None
    async with websocket(live) as socket:
        await subscribe(socket, CHANGES, after=after)
        message = await socket.receive_json()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", code)


async def test_a_client_that_does_not_read_is_closed_and_can_resume(archive: Archive) -> None:
    await put(archive, *(interaction(number, data='{"body": "' + "x" * 4_000 + '"}') for number in range(1, 2_001)))
    page = await read_feed(archive, FeedQuery(0, 1, types=None))
    after = f"{page.epoch}.{page.changes[0].number}"
    async with serving(archive.database, limits={"read_seconds": 0.5}) as client:
        async with following(client, CHANGES, {"after": after}) as stream:
            first = change(await stream.next())
            transport = stream.response.connection and stream.response.connection.transport
            assert transport
            transport.pause_reading()
            async with asyncio.timeout(60):
                while not await reset(transport):
                    await asyncio.sleep(0.05)
        async with following(client, CHANGES, {"after": first["cursor"]}) as stream:
            assert change(await stream.next())["sid"] != first["sid"]


async def reset(transport: Any) -> bool:
    """Whether the server has reset the connection, as the kernel knows."""
    return bool(transport.get_extra_info("socket").getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR))
