"""The peer: idiomatic Strawberry over the archive's tables, with cached parsing, orjson and four read connections."""

import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import aiosqlite
import orjson
import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

READERS = 4
PRAGMAS = "PRAGMA mmap_size=1073741824; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA query_only=ON;"
ONE = "SELECT * FROM {table} WHERE sid = ?"
FIRST_SERVICES = "SELECT * FROM service ORDER BY date_created, sid LIMIT ?"
FIRST_OF_EACH = """
SELECT child.* FROM json_each(?) AS parent CROSS JOIN {table} AS child
WHERE child.rowid IN (SELECT rowid FROM {table} WHERE {parent} = parent.value ORDER BY date_created, sid LIMIT ?)
ORDER BY parent.key, child.date_created, child.sid
""".strip()


class Reads:
    """Read-only connections to the database, used in turn."""

    def __init__(self, connections: Iterable[aiosqlite.Connection]) -> None:
        self._connections = cycle(connections)

    async def rows(self, sql: str, *parameters: str | int) -> Iterable[sqlite3.Row]:
        return await next(self._connections).execute_fetchall(sql, parameters)


class FromRow(Protocol):
    @classmethod
    def of(cls, row: sqlite3.Row) -> Self: ...


T = TypeVar("T", bound=FromRow)
Key = tuple[str, int]


def first_of_each(reads: Reads, table: str, parent: str, kind: type[T]) -> DataLoader[Key, list[T]]:
    """Loads the first rows of each parent, by the parent's SID and how many."""
    sql = FIRST_OF_EACH.format(table=table, parent=parent)

    async def load(keys: list[Key]) -> list[list[T]]:
        found: dict[Key, list[T]] = {key: [] for key in keys}
        for first in {first for _, first in keys}:
            parents = [sid for sid, wanted in keys if wanted == first]
            for row in await reads.rows(sql, json.dumps(parents), first):
                found[row[parent], first].append(kind.of(row))
        return list(found.values())

    return DataLoader(load)


@strawberry.type
class Leg:
    participant_sid: str | None
    resource_sid: str | None
    resource_status: str | None
    resource_type: str | None
    resource_url: str | None

    @classmethod
    def of(cls, row: sqlite3.Row, side: str) -> Self | None:
        leg = cls(
            participant_sid=row[f"{side}_participant_sid"],
            resource_sid=row[f"{side}_resource_sid"],
            resource_status=row[f"{side}_resource_status"],
            resource_type=row[f"{side}_resource_type"],
            resource_url=row[f"{side}_resource_url"],
        )
        return leg if leg.participant_sid or leg.resource_sid else None


@strawberry.type
class Interaction:
    sid: str
    session_sid: str
    service_sid: str
    account_sid: str
    type: str
    data: str | None
    inbound: Leg | None
    outbound: Leg | None
    date_created: str
    date_updated: str
    url: str | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        return cls(
            sid=row["sid"],
            session_sid=row["session_sid"],
            service_sid=row["service_sid"],
            account_sid=row["account_sid"],
            type=row["type"],
            data=row["data"],
            inbound=Leg.of(row, "inbound"),
            outbound=Leg.of(row, "outbound"),
            date_created=row["date_created"],
            date_updated=row["date_updated"],
            url=row["url"],
        )


@dataclass
class Context:
    """What one request shares."""

    reads: Reads
    sessions: "DataLoader[Key, list[Session]]"
    interactions: DataLoader[Key, list[Interaction]]


Info = strawberry.Info[Context, None]


@strawberry.type
class Session:
    sid: str
    service_sid: str
    account_sid: str
    unique_name: str | None
    status: str | None
    date_created: str
    date_updated: str
    url: str | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        return cls(
            sid=row["sid"],
            service_sid=row["service_sid"],
            account_sid=row["account_sid"],
            unique_name=row["unique_name"],
            status=row["status"],
            date_created=row["date_created"],
            date_updated=row["date_updated"],
            url=row["url"],
        )

    @strawberry.field
    async def interactions(self, info: Info, first: int = 20) -> list[Interaction]:
        return await info.context.interactions.load((self.sid, first))


@strawberry.type
class Service:
    sid: str
    account_sid: str
    unique_name: str | None
    date_created: str
    date_updated: str
    url: str | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        return cls(
            sid=row["sid"],
            account_sid=row["account_sid"],
            unique_name=row["unique_name"],
            date_created=row["date_created"],
            date_updated=row["date_updated"],
            url=row["url"],
        )

    @strawberry.field
    async def sessions(self, info: Info, first: int = 20) -> list[Session]:
        return await info.context.sessions.load((self.sid, first))


@strawberry.type
class Query:
    @strawberry.field
    async def interaction(self, info: Info, sid: strawberry.ID) -> Interaction | None:
        rows = await info.context.reads.rows(ONE.format(table="interaction"), sid)
        return next(map(Interaction.of, rows), None)

    @strawberry.field
    async def service(self, info: Info, sid: strawberry.ID) -> Service | None:
        rows = await info.context.reads.rows(ONE.format(table="service"), sid)
        return next(map(Service.of, rows), None)

    @strawberry.field
    async def services(self, info: Info, first: int = 20) -> list[Service]:
        return [Service.of(row) for row in await info.context.reads.rows(FIRST_SERVICES, first)]


class View(GraphQL[Context, None]):
    """Strawberry's own view, with loaders for each request and orjson."""

    reads: Reads

    async def get_context(self, request: Any, response: Any) -> Context:
        return Context(
            self.reads,
            first_of_each(self.reads, "session", "service_sid", Session),
            first_of_each(self.reads, "interaction", "session_sid", Interaction),
        )

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)


class Application:
    """The view, with the connections opened when the server starts and closed when it stops."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._view = View(strawberry.Schema(Query, extensions=[ParserCache, ValidationCache]), graphql_ide=None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._view(scope, receive, send)
            return
        await receive()
        async with reading(self._database) as self._view.reads:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def reading(database: Path) -> AsyncIterator[Reads]:
    connections = []
    try:
        for _ in range(READERS):
            connection = await aiosqlite.connect(f"{database.as_uri()}?mode=ro", uri=True, cached_statements=512)
            connections.append(connection)
            connection.row_factory = sqlite3.Row
            await connection.executescript(PRAGMAS)
        yield Reads(connections)
    finally:
        for connection in connections:
            await connection.close()


if __name__ == "__main__":
    uvicorn.run(
        Application(Path(sys.argv[1])),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
    )
