"""The record of an executed GraphQL operation, for the metrics, the access log and the traces."""

import msgspec

LONGEST_NAME = 64
"""Logs and traces cut an operation's name to this length, because clients choose it, and the queues of logs and traces
are bounded by entries, not by bytes."""


class Operation(msgspec.Struct, frozen=True, gc=False):
    """An executed GraphQL operation: its type, name, outcome, cost and duration, and its SQL statements and rows."""

    type: str
    name: str | None
    outcome: str
    cost: int | None
    seconds: float
    statements: int
    rows: int
    is_planned: bool
