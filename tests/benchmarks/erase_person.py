"""Measures ``erase`` for a person with many messages, against a stand-in for Twilio with its rate limit and faults.

python tests/benchmarks/erase_person.py [--messages 10000 --faults --no-server]
"""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / folder) for folder in ("support", "documents", "stand_in"))]

from erasing import environment_of
from fake_account import Faults
from fake_twilio import FakeTwilio
from mirror import mirroring
from person import CANARIES, NUMBER, put_person

QUERY = {"query": "{ interactions(first: 20) { nodes { body inbound { participant { identifier } } } } }"}
PAUSE = 0.02
SETTLING = 3.0
"""What a server takes to finish what it begins with, which would be asked for twice."""

out = Console(highlight=False, soft_wrap=True)
commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@commands.command()
def main(
    messages: Annotated[int, typer.Option(min=5, help="Messages of the person, in five sessions.")] = 10_000,
    rate: Annotated[int, typer.Option(min=0, help="Requests a second to an endpoint of a Service; 0: no limit.")] = 30,
    faults: Annotated[bool, typer.Option(help="Some answers fail, break or are odd.")] = True,
    server: Annotated[bool, typer.Option(help="A server answers queries beside it.")] = True,
) -> None:
    """Prints the preview's estimate and the time that the run took, and checks what is left of the person."""
    asyncio.run(_measure(messages, rate, faults, server))


async def _measure(messages: int, rate: int, with_faults: bool, with_server: bool) -> None:
    faults = Faults(seed=1, too_many=0.02, server_error=0.01, broken=0.005, not_json=0.005) if with_faults else Faults()
    fake = FakeTwilio(rate_limit=rate > 0, faults=faults)
    put_person(fake, sessions=5, interactions=messages // 5, services=1)
    with TemporaryDirectory() as folder:
        database = Path(folder) / "archive.db"
        fake.rate_limit = False
        async with mirroring(database, fake) as mirror:
            await mirror.sync()
        fake.rate_limit = rate > 0
        fake.requests.clear()
        fake.status_counts.clear()
        async with fake.serving():
            environment = environment_of(fake) | {"PROXYGRAPH_SYNC_RATE": str(rate)}
            preview = await _command(environment, database)
            serving = await _server(environment, database) if with_server else None
            reading = asyncio.create_task(_read(serving[1])) if serving else None
            await asyncio.sleep(SETTLING if serving else 0)
            begun = time.monotonic()
            receipt = await _command(environment, database, "--yes", "--reference", "benchmark")
            seconds = time.monotonic() - begun
            if serving and reading:
                reading.cancel()
                serving[0].terminate()
                await serving[0].wait()
        counts = receipt["counts"]
        content = b"".join(file.read_bytes() for file in Path(folder).iterdir())
        left = [text for text in CANARIES if text.encode() in content]
    out.print(f"The preview: {preview['requests']:,} requests in about {preview['seconds']:,} seconds")
    out.print(f"The run: {seconds:,.1f} seconds, {messages / seconds:,.1f} interactions a second, {counts}")
    out.print(f"Answers of the stand-in: {dict(fake.status_counts)}, faults {dict(fake.fault_counts)}")
    out.print(f"Complete: {receipt['complete']}; left of the person in the files: {left or 'nothing'}")
    if latencies:
        parts = quantiles(latencies, n=100)
        out.print(
            f"{len(latencies):,} queries beside it: p50 {parts[49] * 1000:.1f} ms, p99 {parts[98] * 1000:.1f} ms, "
            f"max {max(latencies) * 1000:.0f} ms"
        )


latencies: list[float] = []


async def _command(environment: dict[str, str], database: Path, *options: str) -> Any:
    """The JSON that ``erase`` prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "erase", "--database", str(database), "--json", "--identifier", NUMBER),
        *options,
        cwd=ROOT,
        env=environment,
        stdout=PIPE,
    )
    printed, _ = await process.communicate()
    return json.loads(printed)


async def _server(environment: dict[str, str], database: Path) -> tuple[Process, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--database", str(database), "--port", "0"),
        cwd=ROOT,
        env=environment | {"PROXYGRAPH_DRAIN": "0"},
        stdout=PIPE,
        stderr=DEVNULL,
    )
    assert process.stdout
    line = (await process.stdout.readline()).decode()
    return process, line.partition(" at ")[2].partition(",")[0]


async def _read(address: str) -> None:
    async with aiohttp.ClientSession() as client:
        while True:
            begun = time.monotonic()
            async with client.post(address, json=QUERY) as response:
                assert "errors" not in await response.json()
            latencies.append(time.monotonic() - begun)
            await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    os.chdir(ROOT)
    commands()
