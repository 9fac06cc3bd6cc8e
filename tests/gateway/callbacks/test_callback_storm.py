"""Callbacks in wild order, with losses and repetitions, beside syncs and kills: the archive ends equal to Twilio."""

import asyncio
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import aiohttp
import pytest

import bodies
from checkout import ROOT
from fake_account import Faults
from fake_callbacks import PUBLIC_URL, Poster, conversation, form_of
from fake_twilio import AUTH_TOKEN, FakeTwilio
from mirror import account, assert_equal
from running_commands import ENVIRONMENT, run
from store.archive import read_archive
from store.engine.database import Database

ANOTHER_RUNS = 4
"""The exit code of a sync beside another one."""


def environment_of(fake: FakeTwilio) -> dict[str, str]:
    account = {"ACCOUNT_SID": fake.account_sid, "AUTH_TOKEN": AUTH_TOKEN, "PROXY_URL": fake.base_url}
    others = {"PUBLIC_URL": PUBLIC_URL, "SYNC_RATE": "0", "DRAIN": "0"}
    return {f"TWILIO_{name}": value for name, value in account.items()} | {
        f"PROXYGRAPH_{name}": value for name, value in others.items()
    }


@asynccontextmanager
async def served(database: Database, fake: FakeTwilio) -> AsyncIterator[tuple[Poster, Process]]:
    """A server in a process of its own, and a poster to it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "gateway", "serve", "--database", str(database), "--port", "0"),
        cwd=ROOT,
        env=ENVIRONMENT | environment_of(fake),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        address = line.partition(" at ")[2].partition("/graphql")[0]
        async with aiohttp.ClientSession(address) as client:
            yield Poster(client), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)


def live_account(fake: FakeTwilio) -> list[dict[str, Any]]:
    """An account of which callbacks tell half of the interactions; they are returned."""
    account(fake, services=2, sessions=4, interactions=3)
    live = []
    for number in range(1, 9):
        service = bodies.sid("KS", 1 if number < 5 else 2)
        for each in range(4):
            body = bodies.interaction(number * 100 + each, of=number, service_sid=service)
            live.append(conversation(body, minutes=each))
    fake.put(*live)
    return live


@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
async def test_wild_callbacks_beside_syncs_end_equal_row_by_row(database: Database, odd: bool) -> None:
    """Also where Twilio's API has other letter cases, fractions of seconds, unknown properties, 429s and 5xx."""
    share = 0.05 if odd else 0.0
    faults = Faults(too_many=share, server_error=share, odd_case=odd, fractions=odd)
    faults = replace(faults, unknown_words=odd, unknown_properties=odd)
    fake, random = FakeTwilio(faults=faults), Random(1)
    live = live_account(fake)
    async with fake.serving():
        command = ("sync", "--database", str(database), "--json")
        async with served(database, fake) as (poster, _):
            syncing = [asyncio.create_task(asyncio.to_thread(run, *command, **environment_of(fake))) for _ in range(2)]
            assert set(await poster.post_wildly(live, random)) == {204}
            for sync in await asyncio.gather(*syncing):
                assert sync.returncode in (0, ANOTHER_RUNS), sync.stderr
            last = await asyncio.to_thread(run, *command, "--full", **environment_of(fake))
            assert last.returncode == 0, last.stderr
        async with read_archive(database) as archive:
            await assert_equal(archive, fake)  # type: ignore[arg-type]
            assert not list(await archive.fetch("SELECT sid FROM deletion"))


@pytest.mark.processes
async def test_what_was_answered_is_there_after_a_kill(database: Database) -> None:
    """SIGKILL between a post and its answer: what was answered 204 is stored whole, and is completed afterwards."""
    fake, random = FakeTwilio(), Random(7)
    live = live_account(fake)
    answered: set[str] = set()
    async with fake.serving():
        for _ in range(3):
            async with served(database, fake) as (poster, process):
                left = [body for body in live if body["sid"] not in answered]
                random.shuffle(left)
                kill_after = len(answered) + len(live) // 4

                async def post_some(some: list[dict[str, Any]], poster: Poster, process: Process, enough: int) -> None:
                    with suppress(aiohttp.ClientError):  # The server was killed.
                        for body in some:
                            assert await poster.post(form_of(body)) == 204
                            answered.add(body["sid"])
                            if len(answered) >= enough and process.returncode is None:
                                process.kill()

                await asyncio.gather(*(post_some(left[first::4], poster, process, kill_after) for first in range(4)))
            async with read_archive(database) as archive:
                stored = {row[0] for row in await archive.fetch("SELECT sid FROM interaction")}
                unmarked = await archive.fetch(
                    "SELECT sid FROM interaction WHERE url IS NULL AND NOT EXISTS "
                    "(SELECT 1 FROM callback_row WHERE callback_row.sid = interaction.sid)"
                )
                assert not list(unmarked), "each row that isn't confirmed is marked"
            assert answered <= stored
        assert len(answered) >= 3 * len(live) // 4
        last = await asyncio.to_thread(run, "sync", "--database", str(database), "--json", **environment_of(fake))
        assert last.returncode == 0, last.stderr
    async with read_archive(database) as archive:
        await assert_equal(archive, fake)  # type: ignore[arg-type]
