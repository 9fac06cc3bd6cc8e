"""Prometheus metrics: what /metrics shows. No label and no value comes from what people wrote."""

import os
from collections.abc import Iterator

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from store.rest import unknown_words

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

GRAPHQL_REQUESTS = Counter(
    "proxygraph_graphql_requests", "GraphQL requests, by operation type and outcome.", ["operation", "outcome"]
)
GRAPHQL_SECONDS = Histogram("proxygraph_graphql_seconds", "Seconds a GraphQL request took.", ["operation"])
SQL_STATEMENTS = Counter("proxygraph_sql_statements", "SQL statements that GraphQL requests ran.")


SYNC_LAG = Gauge(
    "proxygraph_sync_lag_seconds", "Seconds since a sync was last completed.", multiprocess_mode="mostrecent"
)


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


def exposition() -> bytes:
    """All metrics in Prometheus' text format; those of every worker where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
