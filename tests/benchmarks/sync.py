"""Measures the sync against a stand-in for Twilio, compared with a bare loop that fetches and decodes the same URLs.

python tests/benchmarks/sync.py [--sessions 10000 --interactions 5 --latency-ms 10 --concurrency 20]
python tests/benchmarks/sync.py --postgresql --sessions 5000 --interactions 7
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import aiohttp
import orjson
import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT),
    *(str(ROOT / "tests" / folder) for folder in ("support", "documents", "stand_in", "benchmarks")),
]

import seeded
from fake_twilio import AUTH_TOKEN, FakeTwilio
from gateway.demo.account import Account

SERVICES = 10
CHANGED = "2026-06-01T00:00:00Z"
LIMIT_SECONDS = 600

out = Console(highlight=False, soft_wrap=True)
commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@commands.command()
def main(
    sessions: Annotated[int, typer.Option(min=SERVICES, help="How many Sessions.")] = 10_000,
    interactions: Annotated[int, typer.Option(min=0, help="How many Interactions each has.")] = 5,
    latency_ms: Annotated[int, typer.Option(min=0, help="How long each answer takes.")] = 10,
    concurrency: Annotated[int, typer.Option(min=1, help="How many requests to send at the same time.")] = 20,
    postgresql: Annotated[
        bool,
        typer.Option(
            "--postgresql", help="Compare a first run into a throw-away PostgreSQL with one into SQLite instead."
        ),
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, help="With --postgresql, how many times each runs.")] = 3,
) -> None:
    """Prints how long a first and a second run take, and the ratio to a bare loop."""
    made = (str(sessions // SERVICES), str(interactions), str(latency_ms))
    if postgresql:
        _compare_engines(made, concurrency, rounds)
        return
    with TemporaryDirectory() as folder, _stand_in(*made) as (process, environment):
        database = Path(folder) / "archive.db"
        addresses, _ = asyncio.run(_bare(environment, concurrency))
        bare_seconds = min(asyncio.run(_bare(environment, concurrency))[1] for _ in range(2))
        environment["PROXYGRAPH_SYNC_CONCURRENCY"] = str(concurrency)
        first, peak = _sync(database, environment)
        process.send_signal(signal.SIGUSR1)
        assert process.stdout
        process.stdout.readline()
        second, _ = _sync(database, environment)
    table = Table(title=f"{sessions:,} sessions × {interactions} interactions, {latency_ms} ms an answer")
    for heading in ("", "seconds", "requests", "peak MB"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("bare aiohttp loop, fetch and decode", f"{bare_seconds:.1f}", f"{addresses:,}", "")
    table.add_row("sync, first run", f"{first['seconds']:.1f}", f"{first['requests']:,}", f"{peak:.0f}")
    table.add_row("sync, 1 % of the sessions changed", f"{second['seconds']:.1f}", f"{second['requests']:,}", "")
    out.print(table)
    out.print(f"First run to bare loop: {first['seconds'] / bare_seconds:.2f} × the time (the target is at most 1.5).")
    out.print(f"Second run: {second['requests'] / first['requests']:.1%} of the requests (the target is at most 3 %).")


@commands.command(hidden=True)
def stand_in(sessions: int, interactions: int, latency_ms: int) -> None:
    """Serves the stand-in; SIGUSR1 changes one session in a hundred."""
    asyncio.run(_serve(sessions, interactions, latency_ms))


async def _serve(sessions: int, interactions: int, latency_ms: int) -> None:
    account = Account(1, SERVICES, sessions, interactions)
    fake = FakeTwilio(account.services[0]["account_sid"], latency=latency_ms / 1000)
    fake.put(*account.services)
    for session, participants, talk in account.conversations():
        fake.put(session, *participants, *talk)

    def change() -> None:
        for sid in fake.sids("KC")[::100]:
            fake.put(fake.get(sid) | {"date_updated": CHANGED})
        print("changed", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, change)
    async with fake.serving() as url:
        print(json.dumps({"TWILIO_ACCOUNT_SID": fake.account_sid, "TWILIO_PROXY_URL": url}), flush=True)
        await asyncio.sleep(LIMIT_SECONDS)


@contextmanager
def _stand_in(*made: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [sys.executable, __file__, "stand-in", *made]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            account = json.loads(process.stdout.readline())
            yield process, account | {"TWILIO_AUTH_TOKEN": AUTH_TOKEN, "PROXYGRAPH_SYNC_RATE": "0"}
        finally:
            process.kill()


def _compare_engines(made: tuple[str, str, str], concurrency: int, rounds: int) -> None:
    seconds: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
    with TemporaryDirectory() as folder, _stand_in(*made) as (_, environment), seeded.cluster() as cluster:
        environment["PROXYGRAPH_SYNC_CONCURRENCY"] = str(concurrency)
        for number in range(rounds):
            databases = {"SQLite": f"{folder}/archive-{number}.db", "PostgreSQL": cluster.url(cluster.database())}
            for engine, database in databases.items():
                summary, peak = _sync(database, environment)
                seconds[engine].append(summary["seconds"])
                out.print(f"{engine}: {summary['new']:,} rows in {summary['seconds']:.1f} s, {peak:.0f} MB")
    ours, theirs = (median(of) for of in seconds.values())
    out.print(f"Medians: SQLite {ours:.1f} s, PostgreSQL {theirs:.1f} s: {theirs / ours:.2f} × (the target is 1.5).")


def _sync(database: Path | str, environment: dict[str, str]) -> tuple[dict[str, Any], float]:
    command = [sys.executable, "-m", "gateway", "sync", "--json", "--database", str(database)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROXYGRAPH_", "TWILIO_"))}
    with subprocess.Popen(command, cwd=ROOT, env=kept | environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        summary = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"The sync ended with {process.returncode}: {summary['error']}")
    return summary, usage.ru_maxrss / 1024


async def _bare(environment: dict[str, str], concurrency: int) -> tuple[int, float]:
    """The number of URLs, and the seconds that a bare loop takes to fetch them."""
    authorization = aiohttp.encode_basic_auth(environment["TWILIO_ACCOUNT_SID"], environment["TWILIO_AUTH_TOKEN"])
    base, asked = environment["TWILIO_PROXY_URL"], 0

    async with aiohttp.ClientSession(headers={"Authorization": authorization}) as http:

        async def pages(address: str | None) -> AsyncIterator[list[dict[str, Any]]]:
            nonlocal asked
            while address:
                async with http.get(address) as response:
                    page = orjson.loads(await response.read())
                asked += 1
                yield page[page["meta"]["key"]]
                address = page["meta"]["next_page_url"]

        async def read(waiting: Iterator[str]) -> None:
            for session in waiting:
                for child in ("Participants", "Interactions"):
                    async for _ in pages(f"{session}/{child}?PageSize=100"):
                        pass

        async def sessions_of(service: dict[str, Any]) -> list[str]:
            sessions = f"{base}/Services/{service['sid']}/Sessions"
            return [f"{sessions}/{row['sid']}" async for page in pages(f"{sessions}?PageSize=100") for row in page]

        begun = time.perf_counter()
        services = [row async for page in pages(f"{base}/Services?PageSize=100") for row in page]
        waiting = chain.from_iterable(await asyncio.gather(*(sessions_of(service) for service in services)))
        await asyncio.gather(*(read(waiting) for _ in range(concurrency)))
        return asked, time.perf_counter() - begun


if __name__ == "__main__":
    if "stand-in" not in sys.argv[1:2] and "main" not in sys.argv[1:2]:
        sys.argv.insert(1, "main")
    commands()
