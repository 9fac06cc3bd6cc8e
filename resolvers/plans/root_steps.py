"""Root steps: one for each root field of an operation; each returns the field's JSON."""

from typing import NamedTuple, Protocol

from resolvers.arguments.sids import record_of
from resolvers.plans.connection_steps import ConnectionStep
from resolvers.plans.inputs import Evaluate, Fallback
from resolvers.plans.steps import COMMA, NULL, Piece, Pieces, RowsStep, Run
from store.columns import Record


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

    rows: dict[type[Record], RowsStep]
    id: Evaluate

    async def read(self, run: Run) -> Pieces:
        """The row, or null if there is none."""
        (found,) = await _nodes(run, self.rows, [self.id(run.values)])
        return found


class NodesRoot(NamedTuple):
    """The rows of any types with these SIDs."""

    rows: dict[type[Record], RowsStep]
    ids: Evaluate

    async def read(self, run: Run) -> Pieces:
        """A row or null for each id, in an array."""
        ids = self.ids(run.values)
        if len(ids) > run.bounds.max_page_size:
            raise Fallback
        pieces: list[Piece] = [b"["]
        for number, found in enumerate(await _nodes(run, self.rows, ids)):
            if number:
                pieces.append(COMMA)
            pieces += found
        pieces.append(b"]")
        return pieces


async def _nodes(run: Run, rows: dict[type[Record], RowsStep], ids: list[str]) -> list[Pieces]:
    by_kind: dict[type[Record], dict[str, None]] = {}
    for sid in ids:
        kind = record_of(sid)
        if kind is None:
            raise Fallback
        by_kind.setdefault(kind, {})[sid] = None
    found: dict[str, Pieces] = {}
    for kind, sids in by_kind.items():
        found.update(await rows[kind].fetch(run, list(sids)))
    return [found.get(sid, NULL) for sid in ids]
