"""Operations: what is told of one that was run, to the metrics, the access log and the traces."""

import msgspec

LONGEST_NAME = 64
"""Characters of an operation's name in the log and in traces: clients choose it, and what waits there is not bounded
by bytes."""


class Operation(msgspec.Struct, frozen=True, gc=False):
    """A GraphQL operation: its type and name, what came of it, what it cost, and the ``seconds`` that it took."""

    type: str
    name: str | None
    outcome: str
    cost: int | None
    seconds: float
    statements: int
    rows: int
    is_planned: bool
