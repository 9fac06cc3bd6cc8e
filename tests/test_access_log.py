"""The access log: a line for each request, for people or machines, that names what may be named and nothing else."""

import json
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conftest import serving
from gateway.logs import JsonLines, LogSettings, config
from store import keys
from store.archive import open_archive


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["fields"] for record in caplog.records if record.name == "proxygraph.access"]


async def test_a_request_is_a_line_with_its_operation_key_status_and_time(
    database: Path, caplog: pytest.LogCaptureFixture
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
    assert [{**fields, "ms": fields["ms"] >= 0} for fields in logged(caplog)] == [
        {
            "method": "POST",
            "path": "/graphql",
            "operation": "query",
            "name": "FirstLook",
            "key": "console",
            "status": 200,
            "cost": None,
            "ms": True,
        },
        dict.fromkeys(("operation", "name", "key", "cost"))
        | {"method": "POST", "path": "/graphql", "status": 401, "ms": True},
        dict.fromkeys(("operation", "name", "key", "cost"))
        | {"method": "GET", "path": "other", "status": 404, "ms": True},
    ]
    first = next(record for record in caplog.records if record.name == "proxygraph.access")
    assert first.getMessage().startswith(
        "method=POST path=/graphql operation=query name=FirstLook key=console status=200 ms="
    )


async def test_a_name_that_is_no_operation_of_the_document_and_a_long_one_are_not_repeated(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "proxygraph.access")
    await (
        await client.post("/graphql", json={"query": "query A { __typename }", "operationName": "canary\nforged line"})
    ).read()
    await (await client.post("/graphql", json={"query": f"query {'A' * 1000} {{ __typename }}"})).read()
    assert [fields["name"] for fields in logged(caplog)] == [None, "A" * 64]


def record_of(message: str, *arguments: object, **extra: Any) -> logging.LogRecord:
    record = logging.LogRecord("proxygraph.gateway", logging.WARNING, "", 0, message, arguments, None)
    vars(record).update(extra)
    return record


def test_lines_for_machines_are_json() -> None:
    line = json.loads(JsonLines().format(record_of("a %s", "word")))
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "proxygraph.gateway", "a word")
    assert json.loads(JsonLines().format(record_of("", fields={"status": 200})))["status"] == 200


def test_the_access_log_can_be_turned_off() -> None:
    levels = {
        settings.access_log: config(settings)["loggers"]["proxygraph.access"]["level"]
        for settings in (LogSettings.of({"access_log": True}), LogSettings.of({"access_log": False}))
    }
    assert levels == {True: "INFO", False: "ERROR"}
