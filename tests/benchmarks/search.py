"""Measures filters and orders over 1,000,000 interactions: a page of 50, the first and the 10,000th, over HTTP."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import chain, combinations
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from servers import HOST, ROOT, BenchmarkFailed, Server, gateway

sys.path.insert(0, str(ROOT))

from resolvers.arguments.cursors import cursor_of, fingerprint
from resolvers.arguments.orders import ORDERS
from store.interactions import ALL, InteractionFilter
from store.lists.filters import Period
from store.lists.orders import Position

SIZES = {"services": 20, "sessions": 500, "interactions": 100}
NAME = "search.db"
PAGE, DEEP = 50, 10_000
QUERY = (
    "query ($filter: InteractionFilter, $orderBy: InteractionOrder, $after: String) { interactions(first: 50, "
    "filter: $filter, orderBy: $orderBy, after: $after) { nodes { sid type dateCreated dateUpdated body inbound { "
    "participantSid resourceSid resourceStatus } outbound { participantSid resourceSid resourceStatus } } "
    "pageInfo { hasNextPage endCursor } } }"
)
INTERACTION_ORDERS = ("DATE_CREATED_ASC", "DATE_CREATED_DESC", "DATE_UPDATED_ASC", "DATE_UPDATED_DESC")
GRAPHQL_NAMES = {
    "service_sid": "serviceSid",
    "session_sid": "sessionSid",
    "participant_sid": "participantSid",
    "resource_sid": "resourceSid",
    "type": "type",
    "inbound_status": "inboundStatus",
    "outbound_status": "outboundStatus",
    "date_created": "dateCreated",
}
INDEX_SIZES = """
SELECT name, sum(pgsize) / 1048576.0 FROM dbstat WHERE name LIKE 'interaction%' GROUP BY name ORDER BY 2 DESC
"""

out = Console(highlight=False, soft_wrap=True)


class Asked(NamedTuple):
    """One filter and order, and the cursor at the time where the 10,000th page of all Interactions begins."""

    filter: InteractionFilter
    order: str
    deep: str


class Timed(NamedTuple):
    """Milliseconds of each answer."""

    first: list[float]
    deep: list[float]


def main(
    requests: Annotated[int, typer.Option(min=2, help="How many requests for each filter, order and page.")] = 20,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="A folder where the database is kept for the next time.")
    ] = None,
) -> None:
    """Measures every set of conditions in every order, and prints one table."""
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        database = (folder / NAME).resolve()
        try:
            _seed(database)
            asked = list(_everything_asked(database))
            with gateway(database, Path(scratch) / "gateway.log") as server:
                times = [_time(server, one, requests) for one in track(asked, "Asking …", console=Console(stderr=True))]
        except (BenchmarkFailed, subprocess.SubprocessError) as failure:
            raise SystemExit(str(failure)) from failure
        out.print(_table(asked, times), _sizes(database))


def _seed(database: Path) -> None:
    begun = time.perf_counter()
    options = [argument for name, size in SIZES.items() for argument in (f"--{name}", str(size))]
    command = [sys.executable, "-m", "gateway", "seed", "--database", str(database), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1_800)
    if done.returncode:
        raise BenchmarkFailed(f"The database could not be filled: {done.stderr.strip()}")
    out.print(f"{done.stdout.strip().splitlines()[0]} {time.perf_counter() - begun:.0f} s")


def _everything_asked(database: Path) -> Iterator[Asked]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        ((since, before),) = connection.execute(
            "SELECT datetime(min(date_created), '+3 days'), datetime(max(date_created), '-3 days') FROM interaction"
        )
        middle = Position(
            *connection.execute(
                "SELECT date_created, sid FROM interaction ORDER BY date_created, sid LIMIT 1 OFFSET ?",
                (PAGE * (DEEP - 1) - 1,),
            ).fetchone()
        )
        values: dict[str, Any] = {
            "type": ("message",),
            "inbound_status": ("completed", "received"),
            "outbound_status": ("delivered", "failed", "queued", "sent"),
            "date_created": Period(*(f"{moment.replace(' ', 'T')}.000Z" for moment in (since, before))),
        }
        sids = ("service_sid", "session_sid", "inbound_participant_sid", "inbound_resource_sid")
        ((*found,),) = connection.execute(
            f"SELECT {', '.join(sids)} FROM interaction WHERE type = 'message' AND outbound_resource_status = 'sent' "
            "AND inbound_resource_status = 'received' AND date_created > ? LIMIT 1",
            (values["date_created"].since,),
        )
        values |= dict(zip(("service_sid", "session_sid", "participant_sid", "resource_sid"), found, strict=True))
        sets = chain.from_iterable(combinations(values, length) for length in range(len(values) + 1))
        for names in sets:
            chosen = InteractionFilter(**{name: values[name] for name in names})
            for name in INTERACTION_ORDERS:
                order = ORDERS[name.lower().replace("_asc", " asc").replace("_desc", " desc")]
                of = fingerprint(ALL.name, None, order, chosen if chosen.active_names() else None)
                yield Asked(chosen, name, cursor_of(middle, of))


def _time(server: Server, asked: Asked, requests: int) -> Timed:
    connection = HTTPConnection(HOST, server.port, timeout=60)
    try:
        return Timed(
            [_ask(connection, asked, None) for _ in range(requests)],
            [_ask(connection, asked, asked.deep) for _ in range(requests)],
        )
    finally:
        connection.close()


def _ask(connection: HTTPConnection, asked: Asked, after: str | None) -> float:
    body = json.dumps({"query": QUERY, "variables": {**_variables(asked), "after": after}})
    begun = time.perf_counter()
    connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
    answer = connection.getresponse().read()
    milliseconds = (time.perf_counter() - begun) * 1_000
    if b'"errors"' in answer:
        raise BenchmarkFailed(f"{asked} was answered with errors: {answer[:300]!r}.")
    return milliseconds


def _variables(asked: Asked) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in asked.filter.active():
        if isinstance(value, Period):
            given[GRAPHQL_NAMES[name]] = {"from": value.since, "before": value.before}
        else:
            given[GRAPHQL_NAMES[name]] = [word.upper() for word in value] if isinstance(value, tuple) else value
    return {"filter": given, "orderBy": asked.order}


def _table(asked: list[Asked], times: list[Timed]) -> Table:
    table = Table(title="A page of 50 of 1,000,000, in ms at the HTTP boundary", title_justify="left")
    table.add_column("conditions")
    for column in ("first page, median", "p95", "at the 10,000th, median", "p95", "slowest order"):
        table.add_column(column, justify="right")
    groups: dict[str, list[tuple[str, Timed]]] = {}
    for one, timed in zip(asked, times, strict=True):
        names = [GRAPHQL_NAMES[name] for name, _ in one.filter.active()]
        label = " + ".join(names) if len(names) < 3 else f"any {len(names)} of them"
        groups.setdefault(label or "none", []).append((one.order, timed))
    for label, members in groups.items():
        slowest = max(members, key=lambda member: _p95([*member[1].first, *member[1].deep]))[0]
        firsts = [timed.first for _, timed in members]
        deeps = [timed.deep for _, timed in members]
        figures = [*_worst(firsts), *_worst(deeps)]
        table.add_row(label, *figures, slowest)
    return table


def _worst(members: list[list[float]]) -> tuple[str, str]:
    """The highest median and the highest p95 of several measurements."""
    return f"{max(median(times) for times in members):.1f}", f"{max(map(_p95, members)):.1f}"


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]


def _sizes(database: Path) -> Table:
    table = Table("table or index", "MB", title="Sizes", title_justify="left")
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        for name, size in connection.execute(INDEX_SIZES):
            table.add_row(name, f"{size:,.0f}")
    return table


if __name__ == "__main__":
    typer.run(main)
