"""Fuzzes the gateway: generated and spoilt requests to two servers over one archive, with plans and without.

Whatever is sent, the answer is never a 5xx, is a response of GraphQL's, has just the data that was selected, and is the
same from both servers, byte for byte; neither of them logs an error or grows.
"""

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from http.client import HTTPException
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import orjson
import typer
from rich.console import Console
from rich.table import Table

from servers import ROOT, BenchmarkFailed, Server, gateway

sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / folder) for folder in ("support", "documents", "stand_in"))]

from graphql import parse

import edge_case_rows
from document_values import Pool
from documents import Document, Documents
from odd_requests import JSON, RESPONSE, OddRequests, Sent
from response_checks import InvalidResponse, check_shape, check_types
from schema.build import EXECUTABLE
from store import keys
from store.archive import open_archive
from wire import Answer, Connection, give_up, statuses

SCOPES = {"console": ("read",), "desk": ("read:content",), "erasure": ("delete",), "all": ("read:content", "delete")}
ENVIRONMENT = {
    "PROXYGRAPH_REQUIRE_KEY": "true",
    "PROXYGRAPH_INTROSPECTION": "true",
    "PROXYGRAPH_GRAPHIQL": "true",
    "PROXYGRAPH_CORS_ORIGINS": "https://console.example.com",
    "PROXYGRAPH_RATE": "0",
    "PROXYGRAPH_ACCESS_LOG": "false",
    "PROXYGRAPH_READ_SECONDS": "2",
    "PROXYGRAPH_DRAIN": "0",
}
GROWN_SHARE, GROWN_MB = 0.1, 10
"""So much may memory differ between the half and the end; the caches are full by then."""
OF_THE_MOMENT = ("syncStatus", "/metrics")
ONLY_MOMENTS = "UPDATE session SET date_started = NULL, archived_at = NULL WHERE date_started = 'x'"
"""What only a hand can have written: the schema promises moments, and nothing else writes them."""
NOTHING_LONG = "UPDATE interaction SET data = substr(data, 1, 20000), body = substr(body, 1, 20000)"
"""Long enough for an answer to be compressed; a megabyte in every other one would only take time."""
TOLD_EVERY, SHOWN = 2_000, 3_000
GIVEN_UP_SHARE = 0.2
"""So many of the connections on which no HTTP is spoken are broken off in the middle."""
STATUSES = {200, 204, 294, 304, 307, 400, 401, 403, 404, 405, 406, 408, 413, 414, 415, 421, 422, 426, 431}
SHARES = {"plain": 50, "headers": 12, "elsewhere": 3, "members": 12, "bytes": 14, "mutation": 5, "no HTTP": 4}

out = Console(highlight=False, soft_wrap=True, markup=False)


class Finding(NamedTuple):
    """A request whose answer is wrong, and why."""

    kind: str
    why: str
    sent: bytes


class Fuzzed(NamedTuple):
    """What came of it: how many answers by kind of request and status, what was wrong, and memory in MB, on the way."""

    outcomes: Counter[tuple[str, int]]
    findings: list[Finding]
    memory: list[tuple[float, ...]]
    seconds: float

    @property
    def grown(self) -> bool:
        """Whether either server has much more memory at the end than it had half-way."""
        half, end = self.memory[len(self.memory) // 2], self.memory[-1]
        return any(now > before * (1 + GROWN_SHARE) + GROWN_MB for before, now in zip(half, end, strict=True))


def main(
    requests: Annotated[int, typer.Option(min=1, help="How many requests, each to both servers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Which requests those are.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="Stop after so many seconds, if that is sooner.")] = 3_600,
) -> None:
    """Fuzzes two servers, prints what came of it, and ends with 1 where anything was wrong."""
    with TemporaryDirectory(prefix="proxygraph-fuzz-") as scratch:
        try:
            fuzzed = fuzz(Path(scratch), requests, seed, seconds, out.print)
        except BenchmarkFailed as failure:
            raise SystemExit(str(failure)) from failure
    out.print(_table(fuzzed))
    raise typer.Exit(1 if fuzzed.findings or fuzzed.grown else 0)


def fuzz(scratch: Path, requests: int, seed: int, seconds: float, report: Callable[[str], None]) -> Fuzzed:
    """Sends so many requests of ``seed`` to both servers; raises BenchmarkFailed where these don't start."""
    database = scratch / "fuzz.db"
    pool, shown = asyncio.run(_filled(database))
    logs = [scratch / "plans.log", scratch / "ordinary.log"]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(gateway(database, log, environment=ENVIRONMENT | {"PROXYGRAPH_PLANS": plans}))
            for log, plans in zip(logs, ("true", "false"), strict=True)
        ]
        connections = [stack.enter_context(closing(Connection(server.port))) for server in servers]
        fuzzed = _Fuzzing(servers, connections, Random(seed), pool, shown, report).run(requests, seconds)
    for log in logs:
        said = log.read_text("utf-8", "replace")
        if error := re.search(r" ERROR |Traceback", said):
            finding = Finding("log", f"{log.name} has errors: {said[error.start() :][:2_000]}", b"")
            fuzzed.findings.append(finding)
            report(finding.why)
    return fuzzed


async def _filled(database: Path) -> tuple[Pool, list[str]]:
    async with open_archive(database) as archive:
        await edge_case_rows.fill(archive)
        async with archive.writer.transaction() as transaction:
            await transaction.execute(ONLY_MOMENTS)
            await transaction.execute(NOTHING_LONG)
        shown = [await keys.create(archive, name, scopes, None) for name, scopes in SCOPES.items()]
        return await edge_case_rows.pool_of(archive), shown


class _Fuzzing:
    """One run against two servers, the first with plans."""

    def __init__(
        self,
        servers: list[Server],
        connections: list[Connection],
        random: Random,
        pool: Pool,
        shown: list[str],
        report: Callable[[str], None],
    ) -> None:
        self._servers, self._connections, self._random, self._report = servers, connections, random, report
        self._documents = Documents(random.randrange(2**32), EXECUTABLE, pool)
        self._requests = OddRequests(random, shown, [*pool.ids["Interaction"][-40:], "KI" + "0" * 32, "x"])
        self._outcomes: Counter[tuple[str, int]] = Counter()
        self._findings: list[Finding] = []

    def run(self, requests: int, seconds: float) -> Fuzzed:
        begun, memory = time.monotonic(), [self._memory()]
        kinds, weights = list(SHARES), list(SHARES.values())
        for number, document in zip(range(1, requests + 1), self._documents, strict=False):
            (kind,) = self._random.choices(kinds, weights)
            self._one(kind, document)
            if number % max(min(requests // 20, TOLD_EVERY), 1) == 0:
                memory.append(self._memory())
                sizes = " and ".join(f"{size:.0f} MB" for size in memory[-1])
                self._report(
                    f"{number:,} requests, {time.monotonic() - begun:.0f} s, {len(self._findings)} findings, {sizes}"
                )
            if time.monotonic() - begun > seconds:
                break
        memory.append(self._memory())
        return Fuzzed(self._outcomes, self._findings, memory, time.monotonic() - begun)

    def _one(self, kind: str, document: Document) -> None:
        requests = self._requests
        plain = requests.plain(document)
        if kind == "no HTTP":
            message = requests.no_http(plain)
            if self._random.random() < GIVEN_UP_SHARE:
                give_up(self._random.choice(self._servers).port, message[: self._random.randrange(len(message) + 1)])
            else:
                self._no_http(message)
            return
        sent = {
            "plain": lambda: plain,
            "headers": lambda: requests.with_odd_headers(plain),
            "elsewhere": lambda: requests.elsewhere(plain),
            "members": lambda: requests.with_odd_members(document),
            "bytes": lambda: requests.with_odd_bytes(plain),
            "mutation": requests.mutation,
        }[kind]()
        try:
            if kind == "mutation":
                answers = [self._random.choice(self._connections).answer(sent.method, sent.message)]
            else:
                answers = [connection.answer(sent.method, sent.message) for connection in self._connections]
            self._outcomes[kind, answers[0].status] += 1
            for answer in answers:
                self._demand(sent, answer)
            if kind != "mutation" and not any(word in repr(sent) for word in OF_THE_MOMENT):
                _demand_alike(*answers)
        except (InvalidResponse, OSError, HTTPException, ValueError) as error:
            self._found(Finding(kind, repr(error), sent.message))

    def _demand(self, sent: Sent, answer: Answer) -> None:
        if answer.status not in STATUSES:
            raise InvalidResponse(f"Expected another status, but got {answer.status} with {answer.body!r:.500}.")
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if media_type not in (JSON, RESPONSE) or not answer.body:
            return
        response = orjson.loads(answer.body)
        if set(response) == {"extensions"} and b"validate" in sent.message:
            return
        check_shape(response)
        if media_type == RESPONSE:
            has = ("data" in response, "errors" in response)
            if has != {200: (True, False), 294: (True, True)}.get(answer.status, (False, True)):
                raise InvalidResponse(f"Expected other members with {answer.status}, but got {', '.join(response)}.")
        if sent.asked and response.get("data") is not None:
            asked = sent.asked
            check_types(EXECUTABLE, parse(asked.text), asked.operation_name, asked.variables, response["data"])
            self._documents.learn(asked, response)

    def _no_http(self, message: bytes) -> None:
        for server in self._servers:
            try:
                for status in statuses(server.port, message):
                    self._outcomes["no HTTP", status] += 1
                    if status not in STATUSES:
                        self._found(Finding("no HTTP", f"It was answered {status}.", message))
            except OSError as error:
                self._found(Finding("no HTTP", repr(error), message))

    def _found(self, finding: Finding) -> None:
        self._findings.append(finding)
        self._report(f"{finding.kind}: {finding.why[:SHOWN]}\n  {finding.sent[:SHOWN]!r}")

    def _memory(self) -> tuple[float, ...]:
        return tuple(memory for server in self._servers if (memory := server.memory()))


def _demand_alike(planned: Answer, ordinary: Answer) -> None:
    for answer in (planned, ordinary):
        answer.headers.pop("date", None)
    if planned != ordinary:
        raise InvalidResponse(f"Expected the same with plans and without, but got {planned!r} and {ordinary!r}.")


def _table(fuzzed: Fuzzed) -> Table:
    total = sum(fuzzed.outcomes.values())
    title = f"{total:,} answers in {fuzzed.seconds:.0f} s, {len(fuzzed.findings)} findings"
    table = Table("kind of request", "answers", "by status", title=title, title_justify="left")
    for kind in SHARES:
        by_status = {status: times for (of, status), times in sorted(fuzzed.outcomes.items()) if of == kind}
        shown = ", ".join(f"{status}: {times:,}" for status, times in by_status.items())
        table.add_row(kind, f"{sum(by_status.values()):,}", shown)
    half, end = fuzzed.memory[len(fuzzed.memory) // 2], fuzzed.memory[-1]
    for name, before, now in zip(("with plans", "without"), half, end, strict=False):
        table.add_row(f"memory {name}", f"{now:.0f} MB", f"{before:.0f} MB half-way")
    return table


if __name__ == "__main__":
    typer.run(main)
