"""The Prometheus metrics of /metrics. No label and no value is personal."""

import asyncio
import os
import time
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.observe.processes import ProcessFigures, forget_dead
from gateway.observe.request_log_entry import RequestLogEntry
from store.columns import columns
from store.engine.protocols import Figure
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.twilio_mapping import unknown_values

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
LOOP_WATCHED_EVERY = 0.5


GRAPHQL_REQUESTS = Counter(
    "proxygraph_graphql_requests", "GraphQL requests, by operation type and outcome.", ["operation", "outcome"]
)
GRAPHQL_SECONDS = Histogram("proxygraph_graphql_seconds", "Seconds a GraphQL request took.", ["operation"])
GRAPHQL_COST = Histogram(
    "proxygraph_graphql_cost", "The estimated cost of GraphQL requests.", buckets=(1, 10, 100, 1e3, 1e4, 1e5, 1e6)
)
SQL_STATEMENTS = Counter("proxygraph_sql_statements", "SQL statements that GraphQL requests ran.")
SQL_ROWS = Counter("proxygraph_sql_rows", "Rows that these statements returned.")
PLAN_HITS = Counter("proxygraph_plan_hits", "GraphQL requests that a compiled plan answered.")
HTTP_RESPONSES = Counter("proxygraph_http_responses", "Responses to all requests, by status.", ["status"])
LOOP_LAG = Histogram(
    "proxygraph_loop_lag_seconds",
    "Seconds by which the event loop ran a timer late.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
)
Summed: TypeAlias = Literal["livesum", "mostrecent"]
ENGINE: dict[str, tuple[str, Summed, list[str]]] = {
    "wal_bytes": ("The size of SQLite's log beside the archive.", "mostrecent", []),
    "database_connections": ("Open connections to PostgreSQL.", "livesum", ["server"]),
    "database_connections_in_use": ("Connections to PostgreSQL that run a statement.", "livesum", ["server"]),
    "database_connections_awaited": ("Reads and writes that wait for a connection.", "livesum", ["server"]),
    "replica_lag_seconds": ("Seconds by which a replica lags behind the primary.", "mostrecent", ["server"]),
}
"""The description, the way to add up several workers' values, and the labels of the figures of an engine."""
SYNC_LAG = Gauge(
    "proxygraph_sync_lag_seconds", "Seconds since a sync was last completed.", multiprocess_mode="mostrecent"
)
BACKGROUND_FAILURES = Counter("proxygraph_background_failures", "Rounds of background tasks that failed.", ["task"])
BACKGROUND_FAILING = Gauge(
    "proxygraph_background_failing",
    "1 while the last round of a background task failed, else 0.",
    ["task"],
    multiprocess_mode="livemax",
)
CALLBACKS = Counter("proxygraph_callbacks", "Requests to the endpoint of Twilio's callbacks, by outcome.", ["outcome"])
SUBSCRIPTIONS = Gauge("proxygraph_subscriptions", "Subscriptions that are open.", multiprocess_mode="livesum")
SYNC_LEFT_OUT = Gauge(
    "proxygraph_sync_left_out",
    "Sessions and Services that a sync could not read, and that each run tries again.",
    multiprocess_mode="mostrecent",
)


UNKNOWN_VALUES = Counter(
    "proxygraph_unknown_words", "Values from Twilio that its documented enumerations lack, by property.", ["column"]
)
for each in (Service, Session, Participant, Interaction):
    for column in columns(each):
        if column.enum:
            UNKNOWN_VALUES.labels(column.name)  # Shown as 0 from the start, also with several workers.
_engine_gauges: dict[str, Gauge] = {}
_values_counted: Tally[tuple[str, str]] = Tally()
_process = ProcessFigures()


def note_process() -> None:
    """Updates the metrics that don't depend on requests: unknown enum values of Twilio's, and the process's figures."""
    for seen, number in unknown_values.items():
        if more := number - _values_counted[seen]:
            UNKNOWN_VALUES.labels(seen[0]).inc(more)
            _values_counted[seen] = number
    if is_one_of_several():
        _process.note()


def note_engine(figures: Iterable[Figure]) -> None:
    """Sets the metrics of the engine; only those are shown that it has."""
    for figure in figures:
        gauge = _engine_gauges.get(figure.name)
        if gauge is None:
            text, mode, labels = ENGINE[figure.name]
            gauge = Gauge(f"proxygraph_{figure.name}", text, labels, multiprocess_mode=mode)
            _engine_gauges[figure.name] = gauge
        (gauge.labels(figure.server) if figure.server else gauge).set(figure.value)


async def watch_loop() -> float:
    """Measures the event loop's lag once; returns the seconds until the next measurement."""
    due = time.perf_counter() + LOOP_WATCHED_EVERY
    await asyncio.sleep(LOOP_WATCHED_EVERY)
    LOOP_LAG.observe(max(0.0, time.perf_counter() - due))
    note_process()
    return 0


def count(entries: Sequence[RequestLogEntry]) -> None:
    """Counts the answered requests."""
    for status, number in Tally([entry.status for entry in entries]).items():
        HTTP_RESPONSES.labels(str(status)).inc(number)
    operations = [entry.operation for entry in entries if entry.operation]
    for (kind, outcome), number in Tally([(operation.type, operation.outcome) for operation in operations]).items():
        GRAPHQL_REQUESTS.labels(kind, outcome).inc(number)
    durations = {kind: GRAPHQL_SECONDS.labels(kind) for kind in {operation.type for operation in operations}}
    for operation in operations:
        durations[operation.type].observe(operation.seconds)
        if operation.cost is not None:
            GRAPHQL_COST.observe(operation.cost)
    SQL_STATEMENTS.inc(sum([operation.statements for operation in operations]))
    SQL_ROWS.inc(sum([operation.rows for operation in operations]))
    PLAN_HITS.inc(sum([operation.is_planned for operation in operations]))


def is_one_of_several() -> bool:
    """Whether this process is one of several workers, whose metrics are added up."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


def exposition() -> bytes:
    """All metrics in Prometheus' text format, of all workers if there are several."""
    note_process()
    if not is_one_of_several():
        return generate_latest(REGISTRY)
    forget_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
