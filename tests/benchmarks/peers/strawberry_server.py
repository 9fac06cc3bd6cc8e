"""Idiomatic Strawberry over the archive's tables, with dataloaders over aiosqlite: stock, or with every cache there is.

With ``--tuned`` documents are parsed and validated once, orjson writes the answers, and four connections read.
"""

import sqlite3
import sys
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import orjson
import strawberry
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

from enums import InteractionType, ResourceStatus, ResourceType
from reads import Key, Reads, serve


class Shown(Protocol):
    """A type whose fields are a row's columns."""

    sid: strawberry.ID
    date_created: str

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self: ...


T = TypeVar("T", bound=Shown)


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Connection(Generic[T]):
    nodes: list[T]
    more: strawberry.Private[bool]

    @classmethod
    def of(cls, rows: list[sqlite3.Row], first: int, kind: type[T]) -> Self:
        return cls(nodes=[kind.of(row) for row in rows[:first]], more=len(rows) > first)

    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        return [Edge(cursor=cursor(node), node=node) for node in self.nodes]

    @strawberry.field
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self.more,
            has_previous_page=False,
            start_cursor=cursor(self.nodes[0]) if self.nodes else None,
            end_cursor=cursor(self.nodes[-1]) if self.nodes else None,
        )


def cursor(node: Shown) -> str:
    return f"{node.date_created}|{node.sid}"


def first_of_each(reads: Reads, table: str, parent: str, kind: type[T]) -> DataLoader[Key, Connection[T]]:
    """Loads a page for each pair of a parent's SID and a number of rows."""

    async def load(keys: list[Key]) -> list[Connection[T]]:
        pages = await reads.first_of_each(table, parent, [(sid, first + 1) for sid, first in keys])
        return [Connection.of(rows, first, kind) for rows, (_, first) in zip(pages, keys, strict=True)]

    return DataLoader(load)


for enum in (InteractionType, ResourceStatus, ResourceType):
    strawberry.enum(enum)


@strawberry.type
class Leg:
    participant_sid: strawberry.ID | None
    resource_sid: strawberry.ID | None
    resource_status: ResourceStatus | None
    resource_type: ResourceType | None
    resource_url: str | None

    @classmethod
    def of(cls, row: sqlite3.Row, side: str) -> Self | None:
        status, kind = row[f"{side}_resource_status"], row[f"{side}_resource_type"]
        leg = cls(
            participant_sid=row[f"{side}_participant_sid"],
            resource_sid=row[f"{side}_resource_sid"],
            resource_status=status and ResourceStatus(status),
            resource_type=kind and ResourceType(kind),
            resource_url=row[f"{side}_resource_url"],
        )
        return leg if leg.participant_sid or leg.resource_sid else None


@strawberry.type
class Interaction:
    sid: strawberry.ID
    session_sid: strawberry.ID
    service_sid: strawberry.ID
    account_sid: strawberry.ID
    type: InteractionType
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
            type=InteractionType(row["type"]),
            data=row["data"],
            inbound=Leg.of(row, "inbound"),
            outbound=Leg.of(row, "outbound"),
            date_created=row["date_created"],
            date_updated=row["date_updated"],
            url=row["url"],
        )


@dataclass
class Context:
    """The context of one request."""

    reads: Reads
    sessions: "DataLoader[Key, Connection[Session]]"
    interactions: DataLoader[Key, Connection[Interaction]]


Info = strawberry.Info[Context, None]


@strawberry.type
class Session:
    sid: strawberry.ID
    service_sid: strawberry.ID
    account_sid: strawberry.ID
    unique_name: str | None
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
            date_created=row["date_created"],
            date_updated=row["date_updated"],
            url=row["url"],
        )

    @strawberry.field
    async def interactions(self, info: Info, first: int = 50) -> Connection[Interaction]:
        return await info.context.interactions.load((self.sid, first))


@strawberry.type
class Service:
    sid: strawberry.ID
    account_sid: strawberry.ID
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
    async def sessions(self, info: Info, first: int = 50) -> Connection[Session]:
        return await info.context.sessions.load((self.sid, first))


@strawberry.type
class Query:
    @strawberry.field
    async def interaction(self, info: Info, sid: strawberry.ID) -> Interaction | None:
        row = await info.context.reads.one("interaction", sid)
        return Interaction.of(row) if row else None

    @strawberry.field
    async def interactions(self, info: Info, first: int = 50) -> Connection[Interaction]:
        return Connection.of(await info.context.reads.first("interaction", first + 1), first, Interaction)

    @strawberry.field
    async def service(self, info: Info, sid: strawberry.ID) -> Service | None:
        row = await info.context.reads.one("service", sid)
        return Service.of(row) if row else None

    @strawberry.field
    async def services(self, info: Info, first: int = 50) -> Connection[Service]:
        return Connection.of(await info.context.reads.first("service", first + 1), first, Service)


class View(GraphQL[Context, None]):
    """Strawberry's own view, with loaders for each request."""

    def __init__(self, reads: Reads, *caches: Any) -> None:
        super().__init__(strawberry.Schema(Query, extensions=caches), graphql_ide=None)
        self._reads = reads

    async def get_context(self, request: Any, response: Any) -> Context:
        return Context(
            self._reads,
            first_of_each(self._reads, "session", "service_sid", Session),
            first_of_each(self._reads, "interaction", "session_sid", Interaction),
        )


class TunedView(View):
    """The same with cached documents and orjson."""

    def __init__(self, reads: Reads) -> None:
        super().__init__(reads, ParserCache, ValidationCache)

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)


if __name__ == "__main__":
    if "--tuned" in sys.argv:
        serve(TunedView, readers=4)
    else:
        serve(View)
