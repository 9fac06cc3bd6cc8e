"""Fuzzes the gateway: valid and changed requests to two servers over one archive, one with plans and one without.

No answer may be a 5xx. Each must be a GraphQL response with exactly the data that was selected, and the same from both
servers, byte for byte. Neither server may log an error or keep growing.
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
from odd_requests import JSON, RESPONSE, HttpRequest, OddRequests
from response_checks import InvalidResponse, check_shape, check_types
from schema.build import EXECUTABLE
from store import keys
from store.archive import open_archive
from wire import Answer, Connection, send_and_reset, statuses

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
"""The most that memory may grow between half-way and the end; the caches are full by then."""
CHANGING_ANSWERS = ("syncStatus", "/metrics")
REMOVE_INVALID_DATES = "UPDATE session SET date_started = NULL, archived_at = NULL WHERE date_started = 'x'"
"""Removes a date that is no date-time, which the gateway never writes; the schema promises date-times."""
SHORTEN_TEXTS = "UPDATE interaction SET data = substr(data, 1, 20000), body = substr(body, 1, 20000)"
"""Texts stay long enough for compressed answers; a megabyte in every second one would only take time."""
REPORT_EVERY, SHOWN_CHARACTERS = 2_000, 3_000
RESET_SHARE = 0.2
"""The share of the connections with broken HTTP that are reset in the middle."""
STATUSES = {200, 204, 294, 304, 307, 400, 401, 403, 404, 405, 406, 408, 413, 414, 415, 421, 422, 426, 431}
SHARES = {"valid": 50, "headers": 12, "target": 3, "members": 12, "bytes": 14, "mutation": 5, "no HTTP": 4}

out = Console(highlight=False, soft_wrap=True, markup=False)


class Finding(NamedTuple):
    """A request with a wrong answer, and the reason."""

    kind: str
    why: str
    sent: bytes


class FuzzResult(NamedTuple):
    """The numbers of answers by kind of request and status, the findings, and the memory in MB over time."""

    outcomes: Counter[tuple[str, int]]
    findings: list[Finding]
    memory: list[tuple[float, ...]]
    seconds: float

    @property
    def grown(self) -> bool:
        """Whether a server uses much more memory at the end than half-way."""
        half, end = self.memory[len(self.memory) // 2], self.memory[-1]
        return any(now > before * (1 + GROWN_SHARE) + GROWN_MB for before, now in zip(half, end, strict=True))


def main(
    requests: Annotated[int, typer.Option(min=1, help="How many requests to send to each server.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The seed of the random requests.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="Stop after this many seconds, if that is sooner.")] = 3_600,
) -> None:
    """Fuzzes two servers and prints the results; the exit code is 1 if anything was wrong."""
    with TemporaryDirectory(prefix="proxygraph-fuzz-") as scratch:
        try:
            result = fuzz(Path(scratch), requests, seed, seconds, out.print)
        except BenchmarkFailed as failure:
            raise SystemExit(str(failure)) from failure
    out.print(_table(result))
    raise typer.Exit(1 if result.findings or result.grown else 0)


def fuzz(scratch: Path, requests: int, seed: int, seconds: float, report: Callable[[str], None]) -> FuzzResult:
    """Sends random requests to both servers; raises BenchmarkFailed if these don't start."""
    database = scratch / "fuzz.db"
    pool, shown = asyncio.run(_filled(database))
    logs = [scratch / "plans.log", scratch / "ordinary.log"]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(gateway(database, log, environment=ENVIRONMENT | {"PROXYGRAPH_PLANS": plans}))
            for log, plans in zip(logs, ("true", "false"), strict=True)
        ]
        connections = [stack.enter_context(closing(Connection(server.port))) for server in servers]
        result = _Fuzzer(servers, connections, Random(seed), pool, shown, report).run(requests, seconds)
    for log in logs:
        said = log.read_text("utf-8", "replace")
        if error := re.search(r" ERROR |Traceback", said):
            finding = Finding("log", f"{log.name} has errors: {said[error.start() :][:2_000]}", b"")
            result.findings.append(finding)
            report(finding.why)
    return result


async def _filled(database: Path) -> tuple[Pool, list[str]]:
    async with open_archive(database) as archive:
        await edge_case_rows.fill(archive)
        async with archive.writer.transaction() as transaction:
            await transaction.execute(REMOVE_INVALID_DATES)
            await transaction.execute(SHORTEN_TEXTS)
        shown = [await keys.create(archive, name, scopes, None) for name, scopes in SCOPES.items()]
        return await edge_case_rows.pool_of(archive), shown


class _Fuzzer:
    """Sends requests to two servers, the first with plans, and compares their answers."""

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

    def run(self, requests: int, seconds: float) -> FuzzResult:
        begun, memory = time.monotonic(), [self._memory()]
        kinds, weights = list(SHARES), list(SHARES.values())
        for number, document in zip(range(1, requests + 1), self._documents, strict=False):
            (kind,) = self._random.choices(kinds, weights)
            self._send_one(kind, document)
            if number % max(min(requests // 20, REPORT_EVERY), 1) == 0:
                memory.append(self._memory())
                sizes = " and ".join(f"{size:.0f} MB" for size in memory[-1])
                self._report(
                    f"{number:,} requests, {time.monotonic() - begun:.0f} s, {len(self._findings)} findings, {sizes}"
                )
            if time.monotonic() - begun > seconds:
                break
        memory.append(self._memory())
        return FuzzResult(self._outcomes, self._findings, memory, time.monotonic() - begun)

    def _send_one(self, kind: str, document: Document) -> None:
        requests = self._requests
        valid = requests.valid_request(document)
        if kind == "no HTTP":
            message = requests.as_broken_http(valid)
            if self._random.random() < RESET_SHARE:
                send_and_reset(
                    self._random.choice(self._servers).port, message[: self._random.randrange(len(message) + 1)]
                )
            else:
                self._send_broken_http(message)
            return
        sent = {
            "valid": lambda: valid,
            "headers": lambda: requests.with_odd_headers(valid),
            "target": lambda: requests.with_other_target(valid),
            "members": lambda: requests.with_odd_members(document),
            "bytes": lambda: requests.with_odd_bytes(valid),
            "mutation": requests.mutation,
        }[kind]()
        try:
            if kind == "mutation":
                answers = [self._random.choice(self._connections).answer(sent.method, sent.message)]
            else:
                answers = [connection.answer(sent.method, sent.message) for connection in self._connections]
            self._outcomes[kind, answers[0].status] += 1
            for answer in answers:
                self._check(sent, answer)
            if kind != "mutation" and not any(word in repr(sent) for word in CHANGING_ANSWERS):
                _check_equal(*answers)
        except (InvalidResponse, OSError, HTTPException, ValueError) as error:
            self._add_finding(Finding(kind, repr(error), sent.message))

    def _check(self, sent: HttpRequest, answer: Answer) -> None:
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
        if sent.document and response.get("data") is not None:
            document = sent.document
            check_types(EXECUTABLE, parse(document.text), document.operation_name, document.variables, response["data"])
            self._documents.learn(document, response)

    def _send_broken_http(self, message: bytes) -> None:
        for server in self._servers:
            try:
                for status in statuses(server.port, message):
                    self._outcomes["no HTTP", status] += 1
                    if status not in STATUSES:
                        self._add_finding(Finding("no HTTP", f"The answer's status was {status}.", message))
            except OSError as error:
                self._add_finding(Finding("no HTTP", repr(error), message))

    def _add_finding(self, finding: Finding) -> None:
        self._findings.append(finding)
        self._report(f"{finding.kind}: {finding.why[:SHOWN_CHARACTERS]}\n  {finding.sent[:SHOWN_CHARACTERS]!r}")

    def _memory(self) -> tuple[float, ...]:
        return tuple(memory for server in self._servers if (memory := server.memory()))


def _check_equal(planned: Answer, ordinary: Answer) -> None:
    for answer in (planned, ordinary):
        answer.headers.pop("date", None)
    if planned != ordinary:
        raise InvalidResponse(f"Expected the same with plans and without, but got {planned!r} and {ordinary!r}.")


def _table(result: FuzzResult) -> Table:
    total = sum(result.outcomes.values())
    title = f"{total:,} answers in {result.seconds:.0f} s, {len(result.findings)} findings"
    table = Table("kind of request", "answers", "by status", title=title, title_justify="left")
    for kind in SHARES:
        by_status = {status: times for (of, status), times in sorted(result.outcomes.items()) if of == kind}
        shown = ", ".join(f"{status}: {times:,}" for status, times in by_status.items())
        table.add_row(kind, f"{sum(by_status.values()):,}", shown)
    half, end = result.memory[len(result.memory) // 2], result.memory[-1]
    for name, before, now in zip(("with plans", "without"), half, end, strict=False):
        table.add_row(f"memory {name}", f"{now:.0f} MB", f"{before:.0f} MB half-way")
    return table


if __name__ == "__main__":
    typer.run(main)
