"""The upper bound on PostgreSQL: uvicorn, asyncpg and SQL by hand that writes the JSON, only for the workloads.

The database sends one text for each Session, and this joins them as bytes. It has no GraphQL. With ``--held`` the
connections are in a list of its own, instead of asyncpg's pool.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvicorn

sys.path[:0] = map(str, Path(__file__).parents[1:3])

from enums import InteractionType, ResourceStatus, ResourceType
from workloads import NESTED, POINT, WIDE

CONNECTIONS = 8
COLUMNS = (
    ("sid", "sid"),
    ("sessionSid", "session_sid"),
    ("serviceSid", "service_sid"),
    ("accountSid", "account_sid"),
)
FIRST_OF_EACH = "ORDER BY date_created, sid LIMIT"


def text(column: str) -> str:
    """The JSON of a text that may need escapes, or is null."""
    return f"coalesce(to_json({column})::text, 'null')"


def word(column: str, enum: Any) -> str:
    """The JSON of one of Twilio's words in capitals; a word that isn't known is UNKNOWN."""
    words = {member.value: f'"{member.name}"' for member in enum}
    listed = orjson.dumps(words).decode()
    return f"coalesce('{listed}'::jsonb ->> {column}, CASE WHEN {column} IS NULL THEN 'null' ELSE '\"UNKNOWN\"' END)"


def written(members: dict[str, str]) -> str:
    """An object of members whose JSON an expression writes."""
    inner = " || ',".join(f'"{name}":\' || {expression}' for name, expression in members.items())
    return f"'{{{inner} || '}}'"


def quoted(column: str) -> str:
    """The JSON of a text that needs no escapes, and isn't null."""
    return f"'\"' || {column} || '\"'"


def leg(side: str, given: Callable[[str], str]) -> str:
    """A leg, whose texts ``given`` writes."""
    members = {
        "participantSid": given(f"{side}_participant_sid"),
        "resourceSid": given(f"{side}_resource_sid"),
        "resourceStatus": word(f"{side}_resource_status", ResourceStatus),
        "resourceType": word(f"{side}_resource_type", ResourceType),
        "resourceUrl": given(f"{side}_resource_url"),
    }
    there = f"{side}_participant_sid > '' OR {side}_resource_sid > ''"
    return written(members) if given is quoted else f"CASE WHEN {there} THEN {written(members)} ELSE 'null' END"


def message(given: Callable[[str], str]) -> str:
    return written(
        {
            "sid": given("sid"),
            "type": word("type", InteractionType),
            "data": text("data"),
            "dateCreated": given("date_created"),
        }
    )


def interaction(given: Callable[[str], str]) -> str:
    return written(
        {name: given(column) for name, column in COLUMNS}
        | {
            "data": text("data"),
            "type": word("type", InteractionType),
            "dateCreated": given("date_created"),
            "dateUpdated": given("date_updated"),
            "inbound": leg("inbound", given),
            "outbound": leg("outbound", given),
        }
    )


def either(shape: Callable[[Callable[[str], str]], str]) -> str:
    """The short form for rows whose texts are whole and need no escapes, which is nearly all."""
    return f"CASE WHEN plain THEN {shape(quoted)} ELSE {shape(text)} END"


def session(children: str, first: int) -> str:
    rows = f"SELECT {children} AS child FROM interaction WHERE session_sid = session.sid {FIRST_OF_EACH} {first}"
    listed = f"coalesce((SELECT string_agg(child, ',') FROM ({rows}) AS children), '')"
    return f"""'{{"sid":' || to_json(session.sid)::text || ',"interactions":{{"nodes":[' || {listed} || ']}}}}'"""


POINT_SQL = f"SELECT {either(interaction)} FROM interaction WHERE sid = $1"
NESTED_SQL = f"""
    SELECT {session(either(interaction), 20)} FROM service LEFT JOIN LATERAL (
      SELECT sid, date_created FROM session WHERE service_sid = service.sid {FIRST_OF_EACH} 20
    ) AS session ON TRUE WHERE service.sid = $1 ORDER BY session.date_created, session.sid
"""
WIDE_SQL = f"""
    SELECT '{{"sid":' || to_json(service.sid)::text || ',"sessions":{{"nodes":[' || coalesce(
      (SELECT string_agg({session(either(message), 10)}, ',') FROM (
        SELECT sid FROM session WHERE service_sid = service.sid {FIRST_OF_EACH} 10
      ) AS session), ''
    ) || ']}}}}' FROM (SELECT sid, date_created FROM service {FIRST_OF_EACH} 20) AS service
    ORDER BY date_created, sid
"""

SQL = {POINT.document: POINT_SQL, NESTED.document: NESTED_SQL, WIDE.document: WIDE_SQL}

Rows = list[Any]
Fetch = Callable[..., Awaitable[Rows]]


async def no_reset(connection: Any) -> None:
    """Nothing: the statements leave no state behind, and asyncpg's own reset costs a quarter of a point read."""


async def texts_as_bytes(connection: Any) -> None:
    """Makes the connection give texts as they come, in UTF-8: decoding and encoding them takes as long as the rest."""
    await connection.set_type_codec("text", schema="pg_catalog", format="binary", encoder=str.encode, decoder=bytes)


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[Fetch]:
    """Fetches through asyncpg's pool, which keeps each connection's prepared statements."""
    async with asyncpg.create_pool(
        url,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        init=texts_as_bytes,
        reset=no_reset,
        max_cached_statement_lifetime=0,
    ) as pool:
        yield lambda document, *arguments: pool.fetch(SQL[document], *arguments)


@asynccontextmanager
async def held(url: str) -> AsyncIterator[Fetch]:
    """Fetches by prepared statements of connections in a queue."""
    free: asyncio.LifoQueue[dict[str, Fetch]] = asyncio.LifoQueue()
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(url)
            await texts_as_bytes(connection)
            stack.push_async_callback(connection.close)
            free.put_nowait({document: (await connection.prepare(sql)).fetch for document, sql in SQL.items()})

        async def fetch(document: str, *arguments: str) -> Rows:
            statements = await free.get()
            try:
                return await statements[document](*arguments)
            finally:
                free.put_nowait(statements)

        yield fetch


async def answer(fetch: Fetch, body: bytes) -> bytes:
    request = orjson.loads(body)
    document = request["query"]
    if document == WIDE.document:
        return b'{"data":{"services":{"nodes":[%s]}}}' % joined(await fetch(document))
    sid = request["variables"]["sid"]
    rows = await fetch(document, sid)
    if document == POINT.document:
        return b'{"data":{"interaction":%s}}' % (rows[0][0] if rows else b"null")
    if not rows:
        return b'{"data":{"service":null}}'
    nodes = joined(row for row in rows if row[0] is not None)
    return b'{"data":{"service":{"sid":%s,"sessions":{"nodes":[%s]}}}}' % (orjson.dumps(sid), nodes)


def joined(rows: Iterable[Any]) -> bytes:
    return b",".join([row[0] for row in rows])


class Application:
    """Reads a request body and sends the answer."""

    def __init__(self, opened: AbstractAsyncContextManager[Fetch]) -> None:
        self._opened = opened
        self._fetch: Fetch

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        text = await answer(self._fetch, body) if scope["method"] == "POST" else b""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with self._opened as self._fetch:
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    opened = held if "--held" in sys.argv else pooled
    uvicorn.run(
        Application(opened(sys.argv[1])),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        timeout_keep_alive=60,  # else it hangs up on who asks while one slow answer blocks the loop for five seconds
        access_log=False,
        log_level="warning",
    )
