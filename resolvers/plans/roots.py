"""Roots: the fields that an operation starts from, each read and written by the levels below it."""

from typing import NamedTuple, Protocol

from resolvers.arguments.sids import record_of
from resolvers.plans.inputs import Evaluate, Fallback
from resolvers.plans.levels import COMMA, NULL, Piece, Pieces, Rows, Run
from resolvers.plans.listings import Connections
from store.columns import Record


class Root(Protocol):
    """A root field."""

    async def read(self, run: Run) -> Pieces:
        """Its JSON; raises Fallback where the ordinary path has to answer."""
        ...


class Constant(NamedTuple):
    """A field that is always the same."""

    json: bytes

    async def read(self, run: Run) -> Pieces:
        """That."""
        return (self.json,)


class One(NamedTuple):
    """The row of one SID."""

    rows: Rows
    sid: Evaluate

    async def read(self, run: Run) -> Pieces:
        """Null where there is none."""
        sid = self.sid(run.values)
        return (await self.rows.fetch(run, (sid,))).get(sid, NULL)


class List(NamedTuple):
    """A connection without a parent."""

    connections: Connections

    async def read(self, run: Run) -> Pieces:
        """The connection."""
        return (await self.connections.fetch(run, (None,)))[None]


class NodeById(NamedTuple):
    """The row of any kind with one SID."""

    rows: dict[type[Record], Rows]
    id: Evaluate

    async def read(self, run: Run) -> Pieces:
        """Null where there is none."""
        (found,) = await _nodes(run, self.rows, [self.id(run.values)])
        return found


class NodesByIds(NamedTuple):
    """The rows of any kinds with these SIDs."""

    rows: dict[type[Record], Rows]
    ids: Evaluate

    async def read(self, run: Run) -> Pieces:
        """One for each id, null where there is none."""
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


async def _nodes(run: Run, rows: dict[type[Record], Rows], ids: list[str]) -> list[Pieces]:
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
