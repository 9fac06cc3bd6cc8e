"""Root steps: one for each root field of an operation; each returns the field's JSON."""

from typing import NamedTuple, Protocol

from resolvers.plans.connection_steps import ConnectionStep
from resolvers.plans.inputs import Evaluate, Fallback
from resolvers.plans.steps import COMMA, NULL, NodeStep, Piece, Pieces, RowsStep, Run


class RootStep(Protocol):
    """The step of a root field."""

    async def read(self, run: Run) -> Pieces:
        """The field's JSON; raises Fallback if the ordinary path must answer."""
        ...


class ConstantRoot(NamedTuple):
    """A field whose value is constant."""

    json: bytes

    async def read(self, run: Run) -> Pieces:
        """The constant."""
        return (self.json,)


class RowRoot(NamedTuple):
    """The row of one SID."""

    rows: RowsStep
    sid: Evaluate

    async def read(self, run: Run) -> Pieces:
        """The row, or null if there is none."""
        sid = self.sid(run.values)
        return (await self.rows.fetch(run, (sid,))).get(sid, NULL)


class ConnectionRoot(NamedTuple):
    """A connection without a parent."""

    connection_step: ConnectionStep

    async def read(self, run: Run) -> Pieces:
        """The connection."""
        return (await self.connection_step.fetch(run, (None,)))[None]


class NodeRoot(NamedTuple):
    """The row of any type with one SID."""

    node_step: NodeStep
    id: Evaluate

    async def read(self, run: Run) -> Pieces:
        """The row, or null if there is none."""
        sid = self.id(run.values)
        return (await self.node_step.fetch(run, (sid,))).get(sid, NULL)


class NodesRoot(NamedTuple):
    """The rows of any types with these SIDs."""

    node_step: NodeStep
    ids: Evaluate

    async def read(self, run: Run) -> Pieces:
        """A row or null for each id, in an array."""
        ids = self.ids(run.values)
        if len(ids) > run.bounds.max_page_size:
            raise Fallback
        found = await self.node_step.fetch(run, list(dict.fromkeys(ids)))
        pieces: list[Piece] = [b"["]
        for number, sid in enumerate(ids):
            if number:
                pieces.append(COMMA)
            pieces += found.get(sid, NULL)
        pieces.append(b"]")
        return pieces
