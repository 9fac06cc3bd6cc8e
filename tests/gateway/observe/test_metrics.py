"""The metrics of /metrics, counted by a real server; none of them is personal."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bodies
from checkout import ROOT
from gateway.app import Gateway
from gateway.observe import metrics
from gateway.observe.processes import forget_dead
from gateway.settings.access import AccessSettings
from gateway.settings.server import ServeSettings
from gateway_under_test import serving
from store.archive import open_archive
from store.engine.database import Address, Database
from store.twilio_mapping import unknown_values

NAMES = [
    "graphql_requests_total",
    "graphql_seconds_count",
    "graphql_cost_count",
    "sql_statements_total",
    "sql_rows_total",
    "plan_hits_total",
    "http_responses_total",
    "loop_lag_seconds_count",
    "sync_lag_seconds",
]
OF_ENGINE = {"sqlite": {"wal_bytes"}, "postgresql": {"database_connections", "database_connections_in_use"}}


async def shown(client: aiohttp.ClientSession) -> dict[str, float]:
    async with client.get("/metrics") as response:
        text = await response.text()
    return {name: float(value) for name, value in re.findall(r"^proxygraph_(\S+) (\S+)$", text, re.MULTILINE)}


async def test_every_metric_is_exposed(client: aiohttp.ClientSession, engine: str) -> None:
    await (await client.post("/graphql", json={"query": "{ __typename }"})).read()
    names = {name.partition("{")[0] for name in await shown(client)}
    assert not {*NAMES, *OF_ENGINE[engine]} - names


async def test_requests_statements_rows_and_answers_are_counted(database: Database) -> None:
    async with open_archive(database) as archive:
        await bodies.put(
            archive, *(bodies.service(n) for n in range(1, 4)), *(bodies.session(n, n) for n in range(1, 4))
        )
    async with serving(database) as client:
        before = await shown(client)
        query = "query Listed { services { totalCount nodes { sessions { nodes { sid } } } } }"
        await (await client.post("/graphql", json={"query": query})).read()
        await (
            await client.post(
                "/graphql", json={"query": "{ nothing }"}, headers={"Accept": "application/graphql-response+json"}
            )
        ).read()
        after = await shown(client)
    moved = {name: value - before.get(name, 0.0) for name, value in after.items()}
    assert moved['graphql_requests_total{operation="query",outcome="ok"}'] == 1
    assert moved['graphql_requests_total{operation="none",outcome="request_error"}'] == 1
    assert moved['graphql_seconds_count{operation="query"}'] == 1
    assert moved["plan_hits_total"] == 1
    assert moved["graphql_cost_count"] == 1
    # The services' page, their number, and the sessions of all three of them, which PostgreSQL reads in one statement.
    inlined = isinstance(database, Address)
    assert moved["sql_statements_total"] == (1 if inlined else 3)
    assert moved["sql_rows_total"] == (3 if inlined else 3 + 1 + 3)
    assert moved['http_responses_total{status="422"}'] == 1


@pytest.mark.of_a_file
async def test_the_metric_of_the_logs_size_is_the_files_size(database: Path) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1))
        async with serving(database) as client:
            assert (await shown(client))["wal_bytes"] == database.with_name(f"{database.name}-wal").stat().st_size > 0


async def test_the_loops_lag_is_measured(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setattr(metrics, "LOOP_WATCHED_EVERY", 0.0)
    async with serving(database) as client:
        before = (await shown(client))["loop_lag_seconds_count"]
        assert (await shown(client))["loop_lag_seconds_count"] > before


async def test_unknown_enum_values_are_counted(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    seen = ("mode", f"telepathy on {engine}")  # The process has counted those of a test before.
    monkeypatch.setitem(unknown_values, seen, 3)
    name = 'unknown_words_total{column="mode"}'
    before = (await shown(client))[name]
    unknown_values[seen] += 2
    assert (await shown(client))[name] == before + 2


async def test_an_archive_that_was_never_synced_is_not_shown_as_fresh(client: aiohttp.ClientSession) -> None:
    assert math.isnan((await shown(client))["sync_lag_seconds"])


async def test_metrics_are_closed_while_the_archive_is_not_open(database: Database) -> None:
    """Only the archive knows whether a key is required and whose it is."""
    gateway = Gateway(ServeSettings.of({"database": database}), access=AccessSettings.of({"require_key": True}))
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    host = [(b"host", b"127.0.0.1")]
    scope = {"type": "http", "method": "GET", "path": "/metrics", "query_string": b"", "headers": host}
    await gateway(scope | {"client": ("127.0.0.1", 1), "http_version": "1.1"}, receive, send)
    assert sent[0]["status"] == 503
    assert b"proxygraph" not in sent[1]["body"]


def test_the_gauges_of_a_worker_that_has_ended_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    files = [f"gauge_livesum_{pid}.db" for pid in (os.getpid(), ended.pid)] + [f"counter_{ended.pid}.db"]
    for file in files:
        (tmp_path / file).touch()
    forget_dead(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([files[0], files[2]])


def test_the_counter_of_unknown_enum_values_starts_at_0(tmp_path: Path) -> None:
    """With one worker and with several; otherwise a missing metric looks the same as one that is 0."""
    code = "import sys; from gateway.observe import metrics; sys.stdout.write(metrics.exposition().decode())"
    for added in ({}, {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}):
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=os.environ | added, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        for column in ("type", "status", "mode", "inbound_resource_status", "geo_match_level"):
            assert f'proxygraph_unknown_words_total{{column="{column}"}} 0.0' in run.stdout


def test_the_process_metrics_equal_those_of_prometheus_own_collectors(
    tmp_path: Path,
) -> None:
    """With several workers; after two copies a counter still has the correct total."""
    code = (
        "import sys; from gateway.observe import metrics; metrics.note_process(); metrics.note_process();"
        "sys.stdout.write(metrics.exposition().decode())"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = {name: float(value) for name, value in re.findall(r"^(\S+?)(?:{.*})? (\S+)$", run.stdout, re.MULTILINE)}
    assert found["process_resident_memory_bytes"] > 1e7
    assert found["python_info"] == 1
    assert 0 < found["process_cpu_seconds_total"] < 60
    assert found["process_start_time_seconds"] > 1e9
