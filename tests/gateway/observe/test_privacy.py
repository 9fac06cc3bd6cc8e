"""Canaries in bodies, identifiers and keys appear only in responses to callers who may read them, at any log level."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bodies
from checkout import ROOT
from collector import TRACEPARENT, Collector
from command_lines import command_line
from databases import change
from fake_twilio import AUTH_TOKEN, FakeTwilio
from gateway_under_test import serving
from mirror import OLD, account
from running_commands import ENVIRONMENT
from store import keys
from store.archive import open_archive
from store.engine.database import Database

BODY, NUMBER, TYPED = "canary-in-a-body", "+12025550142", "canary-that-was-typed"


@asynccontextmanager
async def served(database: Database, log: Path, **environment: str) -> AsyncIterator[str]:
    """The address of a server process whose output goes into ``log``."""
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command_line("serve", "--database", str(database), "--port", "0"),
            cwd=ROOT,
            env=ENVIRONMENT | {"COLUMNS": "200", "PYTHONUNBUFFERED": "1"} | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
        )
    assert process.stdout
    try:
        async with asyncio.timeout(30):
            printed = b""
            while not (found := re.search(rb"http://127\.0\.0\.1:\d+", printed)):
                line = await process.stdout.readline()
                assert line, log.read_text("utf-8")
                printed += line
        yield found[0].decode()
    finally:
        process.terminate()
        async with asyncio.timeout(30):
            rest, _ = await process.communicate()
        with log.open("ab") as file:
            file.write(printed + rest)
    assert process.returncode == 0


CONTENT = """
query Everything { interactions { totalCount nodes { sid data body inbound { participant { identifier } } } } }
"""
ERRORS: list[dict[str, Any]] = [
    {"query": "{ interactions(first: 1000) { nodes { body } } }"},
    {"query": "{ nothing }"},
    {"query": "{ interactions { nodes { body } }"},
    {"query": f'{{ node(id: "{TYPED}") {{ id }} }}'},
    {"query": f'{{ interactions(after: "{TYPED}") {{ nodes {{ body }} }} }}'},
    {"query": f'{{ interactions(before: "{BODY}") {{ nodes {{ body }} }} }}'},
    {"query": f'{{ interactions(filter: {{ dateCreated: {{ from: "{TYPED}" }} }}) {{ totalCount }} }}'},
    {"query": f'{{ interactions(filter: {{ bodyContains: "{TYPED}", nothing: "{TYPED}" }}) {{ totalCount }} }}'},
    {"query": "query ($n: Int) { interactions(first: $n) { nodes { body } } }", "variables": {"n": TYPED}},
    {
        "query": "query ($f: InteractionFilter) { interactions(filter: $f) { totalCount } }",
        "variables": {"f": {"type": TYPED, "bodyContains": [TYPED], TYPED: 1}},
    },
    {"query": "query A { __typename }", "operationName": TYPED},
    {"documentId": f"sha256:{TYPED}"},
    {"query": "{ __typename }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": TYPED}}},
    {
        "query": "query ($f: ParticipantFilter) { participants(filter: $f) { totalCount } }",
        "variables": {"f": {"identifier": [NUMBER] * 51, "proxyIdentifier": TYPED}},
    },
    {"query": f'{{ participants(filter: {{ identifier: "{NUMBER}" }}, after: "{TYPED}") {{ totalCount }} }}'},
    {"query": [TYPED]},
]
"""Mistyped requests; their responses, which only the sender sees, may quote them."""

ASKED: list[dict[str, Any]] = [
    {"query": f"# {TYPED}\n{{ __typename }}"},
    {"query": f'{{ sessions(filter: {{ uniqueName: "{TYPED}" }}) {{ totalCount }} }}'},
    {"query": f'{{ interactions(filter: {{ bodyContains: "{BODY}" }}) {{ totalCount nodes {{ body }} }} }}'},
    {
        "query": "query ($t: String) { interactions(filter: {bodyContains: $t}) { nodes { body } } }",
        "variables": {"t": NUMBER},
    },
    {"query": f'{{ participants(filter: {{ identifier: "{NUMBER}" }}) {{ totalCount edges {{ cursor }} }} }}'},
    {
        "query": "query ($who: [String!]) { interactions(filter: {identifier: $who}) { edges { cursor } } }",
        "variables": {"who": [NUMBER, TYPED]},
    },
    {
        "query": "query ($sid: ID!) { i: interaction(sid: $sid) { body d: data } }",
        "variables": {"sid": bodies.sid("KI", 3), TYPED: TYPED},
    },
]
"""Valid requests with private values in them."""

TYPED_HEADERS = dict.fromkeys(
    ("Baggage", "Cookie", "If-None-Match", "Referer", "Traceparent", "Tracestate", "User-Agent", "X-Forwarded-For"),
    TYPED,
)


async def deleted(client: aiohttp.ClientSession, sid: str, headers: dict[str, str]) -> Any:
    query = "mutation Erase($sid: ID!) { deleteInteraction(input: {sid: $sid}) { userErrors { code message } } }"
    async with client.post("/graphql", json={"query": query, "variables": {"sid": sid}}, headers=headers) as response:
        return await response.json()


@pytest.mark.parametrize(("log_format", "plans"), [("plain", "true"), ("json", "false")])
async def test_content_appears_only_in_responses_to_callers_who_may_read_it(
    database: Database, tmp_path: Path, log_format: str, plans: str
) -> None:
    fake, collector, log = FakeTwilio(), Collector(), tmp_path / "log"
    account(fake, services=1, sessions=1, interactions=0)
    of: dict[str, Any] = {"service_sid": bodies.sid("KS", 1), "account_sid": fake.account_sid}
    fake.put(bodies.participant(1, identifier=NUMBER, date_created=OLD, **of))
    fake.put(*(bodies.interaction(n, data=json.dumps({"body": f"{BODY} {n}"}), **of) for n in range(1, 4)))
    async with open_archive(database) as archive:
        every = [await keys.create(archive, "desk", ("read:content", "delete"), None)]
        every.append(await keys.create(archive, "console", ("read",), None))
    desk, console = ({"Authorization": f"Bearer {key}", "traceparent": TRACEPARENT} for key in every)
    outside: list[str] = []
    async with fake.serving(), collector.serving():
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "PROXYGRAPH_LOG_FORMAT": log_format,
            "PROXYGRAPH_LOG_LEVEL": "DEBUG",
            "PROXYGRAPH_PLANS": plans,
            "PROXYGRAPH_REQUIRE_KEY": "true",
            "PROXYGRAPH_SYNC_EVERY": "3600",
            "PROXYGRAPH_SYNC_ATTEMPTS": "1",
            "TWILIO_ACCOUNT_SID": fake.account_sid,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_PROXY_URL": fake.base_url,
        }
        async with served(database, log, **environment) as address, aiohttp.ClientSession(address) as client:
            await synced(client, desk)
            async with client.post("/graphql", json={"query": CONTENT}, headers=desk) as response:
                answer = await response.text()
                assert answer.count(BODY) == 6
                assert NUMBER in answer
                outside.append(repr({**response.headers}))
            async with client.post("/graphql", json={"query": CONTENT}, headers=console) as response:
                outside.append(await response.text() + repr({**response.headers}))
            for request in ERRORS:
                for way in sent_both_ways(client, request, desk):
                    async with way as response:
                        errors = await response.text()
                        assert "errors" in errors
                        assert not [canary for canary in (f"{BODY} ", NUMBER, *every) if canary in errors]
                        outside.append(repr({**response.headers}))
            for request in ASKED:
                for headers in (desk, console, desk | TYPED_HEADERS):
                    for way in sent_both_ways(client, request, headers):
                        async with way as response:
                            answer = await response.text()
                            assert headers is not console or not [
                                each for each in (f"{BODY} ", NUMBER) if each in answer
                            ]
                            outside.append(repr({**response.headers}))
            for odd in (f"Basic {TYPED}", f"Bearer {every[0]}x", f"Bearer {every[0]} {TYPED}", TYPED):
                async with client.post("/graphql", json={"query": CONTENT}, headers={"Authorization": odd}) as response:
                    assert response.status == 401
                    outside.append(await response.text() + repr({**response.headers}))
            await (await client.get(f"/{TYPED}?key={every[0]}", headers={"X-Typed": TYPED})).read()
            await (
                await client.post(
                    "/graphql", data=f'{{"query": "{TYPED}', headers=desk | {"Content-Type": "application/json"}
                )
            ).read()
            fake.fail_next("DELETE", 403, {"code": 70051, "message": f"No: {BODY}"})
            assert (await deleted(client, bodies.sid("KI", 1), console))["errors"][0]["extensions"] == {
                "code": "FORBIDDEN"
            }
            await deleted(client, bodies.sid("KI", 1), desk)
            assert "errors" not in await deleted(client, bodies.sid("KI", 2), desk)
            change(database, "ALTER TABLE participant RENAME TO gone")
            async with client.post("/graphql", json={"query": CONTENT}, headers=desk) as response:
                outside.append(json.dumps((await response.json())["errors"]))
                assert "INTERNAL_SERVER_ERROR" in outside[-1]
            async with client.get("/metrics", headers=console) as response:
                outside.append(await response.text())
    said = log.read_text("utf-8")
    assert said.count("DEBUG") > (3 if isinstance(database, Path) else 1)
    assert "FirstLook" not in said
    assert "Everything" in said
    assert len(collector.bodies) >= 1
    outside += [said, repr(fake.log), *(body.decode("latin-1") for body in collector.bodies)]
    for canary in (BODY, NUMBER, TYPED, *every, *(key.removeprefix("pgk_")[:20] for key in every), AUTH_TOKEN):
        assert not [text for text in outside if canary in text], canary


def sent_both_ways(client: aiohttp.ClientSession, request: dict[str, Any], headers: dict[str, str]) -> Any:
    """The request by POST, and by GET with everything in the URL."""
    parameters = {name: given if isinstance(given, str) else json.dumps(given) for name, given in request.items()}
    wish = {"Accept": "application/json"} | headers
    return (
        client.post("/graphql", json=request, headers=wish),
        client.get("/graphql", params=parameters, headers=wish),
    )


async def synced(client: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    """Waits until the server's first sync is complete."""
    async with asyncio.timeout(30):
        while True:
            query = {"query": "{ syncStatus { lastCompletedAt } }"}
            async with client.post("/graphql", json=query, headers=headers) as response:
                if (await response.json())["data"]["syncStatus"]["lastCompletedAt"]:
                    return


async def test_an_error_outside_graphql_is_masked_too(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A table that another program dropped under the server."""
    async with open_archive(database):
        pass
    async with serving(database) as client:
        change(database, "ALTER TABLE sync_run RENAME TO gone")
        async with client.get("/metrics") as response:
            assert response.status == 500
            (error,) = (await response.json())["errors"]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR"}
    assert "sync_run" not in error["message"] + caplog.text
    error_of_engine = "OperationalError" if isinstance(database, Path) else "ReadFailed"
    assert f"{error_of_engine} at the request" in caplog.text
