"""Prometheus metrics: what /metrics shows. No label and no value comes from what people wrote."""

import asyncio
import os
import time
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from functools import lru_cache

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
)
from prometheus_client import Histogram as OneByOne
from prometheus_client.core import CounterMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gateway.observe.entries import Entry
from store.twilio_mapping import unknown_words

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
LOOP_WATCHED_EVERY = 0.5


class Histogram(OneByOne):
    """A histogram that takes many values at a time, for a tenth of what each by itself would take."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Counts each of them, as ``observe`` does; the class below has no public way to do so."""
        if not amounts:
            return
        self._sum.inc(sum(amounts))
        bounds = self._upper_bounds
        for place, number in Tally([bisect_left(bounds, amount) for amount in amounts]).items():
            self._buckets[place].inc(number)


GRAPHQL_REQUESTS = Counter(
    "proxygraph_graphql_requests", "GraphQL requests, by operation type and outcome.", ["operation", "outcome"]
)
GRAPHQL_SECONDS = Histogram("proxygraph_graphql_seconds", "Seconds a GraphQL request took.", ["operation"])
GRAPHQL_COST = Histogram(
    "proxygraph_graphql_cost", "What GraphQL requests were estimated to cost.", buckets=(1, 10, 100, 1e3, 1e4, 1e5, 1e6)
)
SQL_STATEMENTS = Counter("proxygraph_sql_statements", "SQL statements that GraphQL requests ran.")
SQL_ROWS = Counter("proxygraph_sql_rows", "Rows that these statements gave.")
PLAN_HITS = Counter("proxygraph_plan_hits", "GraphQL requests that a compiled plan answered.")
HTTP_RESPONSES = Counter("proxygraph_http_responses", "Answers to all requests, by status.", ["status"])
LOOP_LAG = Histogram(
    "proxygraph_loop_lag_seconds",
    "How much later than due the event loop came to a timer.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
)
WAL_BYTES = Gauge(
    "proxygraph_wal_bytes", "The size of SQLite's log beside the archive.", multiprocess_mode="mostrecent"
)
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
SYNC_LEFT_OUT = Gauge(
    "proxygraph_sync_left_out",
    "Sessions and Services that a sync could not read, and that each run tries again.",
    multiprocess_mode="mostrecent",
)


@lru_cache
def durations(operation: str) -> Histogram:
    """The histogram of how long requests with this operation type took."""
    return GRAPHQL_SECONDS.labels(operation)


class UnknownWords(Collector):
    """Words of Twilio's that are in none of its lists, by the column they came for."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One counter for each column."""
        family = CounterMetricFamily(
            "proxygraph_unknown_words", "Values that Twilio gave outside of its own lists.", labels=["column"]
        )
        totals: dict[str, int] = {}
        for (column, _), count in unknown_words.items():
            totals[column] = totals.get(column, 0) + count
        for column, total in totals.items():
            family.add_metric([column], total)
        yield family


REGISTRY.register(UnknownWords())


async def watch_loop() -> float:
    """Measures the loop's lag once; returns the seconds to the next time."""
    due = time.perf_counter() + LOOP_WATCHED_EVERY
    await asyncio.sleep(LOOP_WATCHED_EVERY)
    LOOP_LAG.observe(max(0.0, time.perf_counter() - due))
    return 0


def count(entries: Sequence[Entry]) -> None:
    """Counts what was answered."""
    for status, number in Tally([entry.status for entry in entries]).items():
        HTTP_RESPONSES.labels(str(status)).inc(number)
    operations = [entry.operation for entry in entries if entry.operation]
    for (kind, outcome), number in Tally([(operation.type, operation.outcome) for operation in operations]).items():
        GRAPHQL_REQUESTS.labels(kind, outcome).inc(number)
    for kind in {operation.type for operation in operations}:
        durations(kind).observe_all([operation.seconds for operation in operations if operation.type == kind])
    GRAPHQL_COST.observe_all([operation.cost for operation in operations if operation.cost is not None])
    SQL_STATEMENTS.inc(sum([operation.statements for operation in operations]))
    SQL_ROWS.inc(sum([operation.rows for operation in operations]))
    PLAN_HITS.inc(sum([operation.is_planned for operation in operations]))


def exposition() -> bytes:
    """All metrics in Prometheus' text format; those of every worker where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
