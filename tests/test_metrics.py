"""What /metrics shows, counted by a real server; and that it says nothing of who asked for what."""

import re
from pathlib import Path

import aiohttp
import pytest

import bodies
from conftest import serving
from gateway.observe import metrics
from store.archive import open_archive

NAMES = [
    "graphql_requests_total",
    "graphql_seconds_count",
    "graphql_cost_count",
    "sql_statements_total",
    "sql_rows_total",
    "plan_hits_total",
    "http_responses_total",
    "loop_lag_seconds_count",
    "wal_bytes",
    "sync_lag_seconds",
]


async def shown(client: aiohttp.ClientSession) -> dict[str, float]:
    async with client.get("/metrics") as response:
        text = await response.text()
    return {name: float(value) for name, value in re.findall(r"^proxygraph_(\S+) (\S+)$", text, re.MULTILINE)}


async def test_every_metric_is_there(client: aiohttp.ClientSession) -> None:
    await (await client.post("/graphql", json={"query": "{ __typename }"})).read()
    names = {name.partition("{")[0] for name in await shown(client)}
    assert not set(NAMES) - names


async def test_requests_statements_rows_and_answers_are_counted(database: Path) -> None:
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
    # The services' page, their number, and the sessions of all three of them.
    assert moved["sql_statements_total"] == 1 + 1 + 1
    assert moved["sql_rows_total"] == 3 + 1 + 3
    assert moved['http_responses_total{status="422"}'] == 1


async def test_the_logs_size_is_that_of_the_file(database: Path) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1))
        async with serving(database) as client:
            assert (await shown(client))["wal_bytes"] == database.with_name(f"{database.name}-wal").stat().st_size > 0


async def test_the_loops_lag_is_measured(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    monkeypatch.setattr(metrics, "LOOP_WATCHED_EVERY", 0.0)
    async with serving(database) as client:
        before = (await shown(client))["loop_lag_seconds_count"]
        assert (await shown(client))["loop_lag_seconds_count"] > before


def test_many_values_at_a_time_are_counted_like_each_by_itself() -> None:
    bounds = (0.5, 1.0, 10.0)
    together, singly = (metrics.Histogram(name, "A test's.", buckets=bounds, registry=None) for name in ("a", "b"))
    values = [0.0, 0.5, 0.500001, 1.0, 9.0, 10.0, 10.5, 1e9]
    together.observe_all(values)
    together.observe_all([])
    for value in values:
        singly.observe(value)
    (counted,), (observed,) = ([*each.collect()] for each in (together, singly))
    assert [sample.value for sample in counted.samples if not sample.name.endswith("_created")] == [
        sample.value for sample in observed.samples if not sample.name.endswith("_created")
    ]
    assert len(counted.samples) > len(bounds)
