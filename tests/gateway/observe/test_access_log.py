"""The access log: a line for each request, plain or JSON, with nothing personal in it."""

import json
import logging
import re
import time

import pytest

from gateway.http.operations import Operation
from gateway.observe.access_log import AccessLog
from gateway.observe.logs import JsonLines, LogSettings
from gateway.observe.request_log_entry import RequestLogEntry
from gateway_under_test import serving
from store import keys
from store.archive import open_archive
from store.engine.database import Database


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines, without time and duration."""
    said = [record.getMessage() for record in caplog.records if record.name == "proxygraph.access"]
    return [re.sub(r"^\S+Z INFO | ms=[\d.]+", "", line) for text in said for line in text.splitlines()]


async def test_a_request_is_logged_with_operation_key_status_and_duration(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "proxygraph.access")
    async with open_archive(database) as archive:
        headers = {"Authorization": f"Bearer {await keys.create(archive, 'console', ('read',), None)}"}
    async with serving(database, require_key=True) as client:
        query = {"query": "query FirstLook { services { totalCount } }"}
        await (await client.post("/graphql?secret=canary", json=query, headers=headers)).read()
        await (await client.post("/graphql", json=query)).read()
        await (await client.get("/canary")).read()
        await (await client.get("/livez")).read()
    assert logged(caplog) == [
        "proxygraph.access method=POST path=/graphql status=200 operation=query name=FirstLook key=console cost=2",
        "proxygraph.access method=POST path=/graphql status=401",
        "proxygraph.access method=GET path=other status=404",
    ]


async def test_an_unknown_operation_name_and_a_long_one_are_not_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "proxygraph.access")
    forged = {"query": "query A { __typename }", "operationName": "canary\nforged line"}
    async with serving(database) as client:
        for request in (forged, {"query": f"query {'A' * 1000} {{ __typename }}"}):
            await (await client.post("/graphql", json=request)).read()
    assert logged(caplog) == [
        "proxygraph.access method=POST path=/graphql status=200 operation=none key=anonymous",
        f"proxygraph.access method=POST path=/graphql status=200 operation=query name={'A' * 64} key=anonymous cost=1",
    ]


SCOPE = {"method": "POST", "path": "/graphql"}


def entry() -> RequestLogEntry:
    return RequestLogEntry(
        ended=time.perf_counter(),
        seconds=0.0004,
        **SCOPE,
        status=200,
        key=None,
        operation=Operation("query", "FirstLook", "ok", 12, 0.0003, 1, 1, True),
    )


async def test_json_lines_are_json(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "proxygraph.access")
    access_log = AccessLog(LogSettings.of({"log_format": "json"}))
    access_log.write([entry()])
    line = json.loads(caplog.messages[0])
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") >= 0
    assert line == {"level": "INFO", "logger": "proxygraph.access", "key": None, "status": 200, "cost": 12} | SCOPE | {
        "operation": "query",
        "name": "FirstLook",
    }
    other = json.loads(JsonLines().format(record_type_of("a %s", "word")))
    assert (other["level"], other["logger"], other["message"]) == ("WARNING", "proxygraph.gateway", "a word")


async def test_no_record_is_longer_than_an_atomic_write_to_a_pipe(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "proxygraph.access")
    access_log = AccessLog(LogSettings.of({}))
    access_log.write(entry() for _ in range(100))
    assert sum(len(text.splitlines()) for text in caplog.messages) == 100
    assert 1 < len(caplog.messages) < 10
    assert max(map(len, caplog.messages)) < 4_096


async def test_the_access_log_can_be_turned_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "proxygraph.access")
    access_log = AccessLog(LogSettings.of({"access_log": False}))
    access_log.write([entry()])
    assert caplog.messages == []


def record_type_of(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("proxygraph.gateway", logging.WARNING, "", 0, message, arguments, None)
