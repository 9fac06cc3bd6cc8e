"""Measures how long a callback's answer takes: posts at a steady rate, beside reads at a steady rate.

The posts tell of new messages, four posts each, in sessions that the archive has. Each post has its own time to begin,
whatever happened to those before, and its answer is awaited from that time on. The fake Twilio, which the server reads
sessions from meanwhile, runs in a process of its own.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Annotated

import aiohttp
import typer
import uvloop
from rich.console import Console

from servers import ROOT

for folder in (ROOT, ROOT / "tests" / "stand_in", ROOT / "tests" / "support"):
    sys.path.insert(0, str(folder))

from twilio.request_validator import SIGNATURE_HEADER, RequestValidator

import bodies
from fake_account import ACCOUNT_SID, Body
from fake_callbacks import CALLBACK_PATH, PUBLIC_URL, form_of, history
from fake_twilio import AUTH_TOKEN, FakeTwilio

SERVICES, SESSIONS, INTERACTIONS = 4, 250, 100
POINT_READ = "query($sid: ID!) { interaction(sid: $sid) { sid body inbound { resourceStatus participantSid } } }"
WARM_UP_SECONDS = 3.0

out = Console(highlight=False, soft_wrap=True)


def main(
    posts: Annotated[int, typer.Option(min=1, help="Posts per second.")] = 200,
    reads: Annotated[int, typer.Option(min=0, help="Point reads per second beside them.")] = 500,
    seconds: Annotated[int, typer.Option(min=5, help="How long to measure.")] = 20,
) -> None:
    """Measures callbacks beside reads and prints the percentiles of both."""
    new = list(_new_messages(posts * (seconds + int(WARM_UP_SECONDS)) // 4 + 1))
    with tempfile.TemporaryDirectory(prefix="proxygraph-benchmark-") as scratch, _fake_twilio(new) as proxy_url:
        environment = os.environ | {
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_PROXY_URL": proxy_url,
            "PROXYGRAPH_PUBLIC_URL": PUBLIC_URL,
            "PROXYGRAPH_DATABASE": str(Path(scratch) / "archive.db"),
        }
        out.print(f"Syncing {SERVICES * SESSIONS * INTERACTIONS:,} interactions …")
        sync = [sys.executable, "-m", "gateway", "sync", "--json"]
        subprocess.run(
            sync, cwd=ROOT, env=environment | {"PROXYGRAPH_SYNC_RATE": "0"}, check=True, stdout=subprocess.DEVNULL
        )
        command = [sys.executable, "-u", "-m", "gateway", "serve", "--port", "0"]
        log = Path(scratch) / "log"
        with (
            log.open("w") as errors,
            subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as server,
        ):
            assert server.stdout
            address = server.stdout.readline().partition(" at ")[2].partition("/graphql")[0]
            try:
                told, read = uvloop.run(_measured(address, new, posts, reads, seconds))
            finally:
                server.terminate()
    for name, rate, times in (("callbacks", posts, told), ("point reads", reads, read)):
        if times:
            shares = ", ".join(f"{share:g} % {_percentile(times, share):.1f} ms" for share in (50, 95, 99, 99.9))
            out.print(f"{len(times):,} {name} at {rate} a second: {shares}, longest {max(times):.1f} ms.")


async def _measured(
    address: str, new: list[Body], posts: int, reads: int, seconds: int
) -> tuple[list[float], list[float]]:
    forms = _posts(new)
    known = [bodies.sid("KI", number) for number in range(SERVICES * SESSIONS * INTERACTIONS)]
    pick = Random(1)
    connector = aiohttp.TCPConnector(limit=100)
    async with aiohttp.ClientSession(address, connector=connector) as client:

        async def post(number: int) -> None:
            form, headers = forms[number]
            async with client.post(CALLBACK_PATH, data=form, headers=headers) as response:
                assert response.status == 204, response.status
                await response.read()

        async def read(_: int) -> None:
            variables = {"sid": pick.choice(known)}
            async with client.post("/graphql", json={"query": POINT_READ, "variables": variables}) as response:
                assert (await response.json())["data"]["interaction"]

        told, read_times = await asyncio.gather(_paced(post, posts, seconds), _paced(read, reads, seconds))
        return told, read_times


async def _paced(work: Callable[[int], Awaitable[None]], rate: int, seconds: int) -> list[float]:
    """Does ``work`` so many times a second; returns the milliseconds of each after the warm-up."""
    if not rate:
        return []
    begun, times, tasks = time.perf_counter(), [], []

    async def one(number: int, due: float) -> None:
        await work(number)
        if due - begun >= WARM_UP_SECONDS:
            times.append((time.perf_counter() - due) * 1000)

    for number in range(int(rate * (seconds + WARM_UP_SECONDS))):
        due = begun + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    return times


def _posts(new: list[Body]) -> list[tuple[dict[str, str], dict[str, str]]]:
    random, validator = Random(1), RequestValidator(AUTH_TOKEN)
    forms = [form_of(state) for body in new for state in history(body, random)]
    url = PUBLIC_URL + CALLBACK_PATH
    return [(form, {SIGNATURE_HEADER: validator.compute_signature(url, form)}) for form in forms]


def _new_messages(number: int) -> Iterator[Body]:
    pick = Random(2)
    for each in range(number):
        session = pick.randrange(SERVICES * SESSIONS)
        yield _message(1_000_000 + each, session, "2026-11-01T00:00:30Z")


def _message(number: int, session: int, updated: str) -> Body:
    of = {"service_sid": bodies.sid("KS", session // SESSIONS)}
    dates = {"date_created": "2026-11-01T00:00:00Z", "date_updated": updated}
    return bodies.interaction(number, of=session, **of, **dates)


@contextmanager
def _fake_twilio(new: list[Body]) -> Iterator[str]:
    """The address of a fake Twilio in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(theirs, new), daemon=True)
    process.start()
    yield ours.recv()
    process.terminate()
    process.join()


def _serve(ready: Connection, new: list[Body]) -> None:
    async def serve() -> None:
        fake = FakeTwilio()
        for service in range(SERVICES):
            fake.put(bodies.service(service))
        for session in range(SERVICES * SESSIONS):
            fake.put(bodies.session(session, of=session // SESSIONS))
            first = session * INTERACTIONS
            fake.put(*(_message(first + each, session, "2026-11-01T00:00:00Z") for each in range(INTERACTIONS)))
        fake.put(bodies.participant(1, of=0, service_sid=bodies.sid("KS", 0)))
        fake.put(bodies.participant(2, of=0, service_sid=bodies.sid("KS", 0)))
        fake.put(*new)
        async with fake.serving() as url:
            ready.send(url)
            await asyncio.Event().wait()

    asyncio.run(serve())


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share / 100))]


if __name__ == "__main__":
    typer.run(main)
