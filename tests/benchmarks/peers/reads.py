"""The archive for the asynchronous Python peers: aiosqlite connections, batched SQL, and a server."""

import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import aiosqlite
import uvicorn

PRAGMAS = "PRAGMA mmap_size=1073741824; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA query_only=ON;"
FIRST_OF_EACH = """
SELECT child.* FROM json_each(?) AS parent CROSS JOIN {table} AS child
WHERE child.rowid IN (SELECT rowid FROM {table} WHERE {parent} = parent.value ORDER BY date_created, sid LIMIT ?)
ORDER BY parent.key, child.date_created, child.sid
""".strip()

Key = tuple[str, int]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class Reads:
    """Read-only connections to the database, used in turn."""

    def __init__(self, connections: Iterable[aiosqlite.Connection]) -> None:
        self._connections = cycle(connections)

    async def one(self, table: str, sid: str) -> sqlite3.Row | None:
        rows = await self._rows(f"SELECT * FROM {table} WHERE sid = ?", sid)
        return rows[0] if rows else None

    async def first(self, table: str, limit: int) -> list[sqlite3.Row]:
        return await self._rows(f"SELECT * FROM {table} ORDER BY date_created, sid LIMIT ?", limit)

    async def first_of_each(self, table: str, parent: str, keys: Sequence[Key]) -> list[list[sqlite3.Row]]:
        """The first rows for each (parent's SID, number of rows): one statement for all keys with the same number."""
        sql = FIRST_OF_EACH.format(table=table, parent=parent)
        found: dict[Key, list[sqlite3.Row]] = {key: [] for key in keys}
        for limit in {limit for _, limit in keys}:
            parents = [sid for sid, wanted in keys if wanted == limit]
            for row in await self._rows(sql, json.dumps(parents), limit):
                found[row[parent], limit].append(row)
        return list(found.values())

    async def _rows(self, sql: str, *parameters: str | int) -> list[sqlite3.Row]:
        return list(await next(self._connections).execute_fetchall(sql, parameters))


@asynccontextmanager
async def reading(database: Path, readers: int) -> AsyncIterator[Reads]:
    async with AsyncExitStack() as stack:
        connections = []
        for _ in range(readers):
            opened = aiosqlite.connect(f"{database.as_uri()}?mode=ro", uri=True, cached_statements=512)
            connection = await stack.enter_async_context(opened)
            connection.row_factory = sqlite3.Row
            await connection.executescript(PRAGMAS)
            connections.append(connection)
        yield Reads(connections)


def serve(view_over: Callable[[Reads], Application], readers: int = 1) -> None:
    """Serves a view with the database and the port from the command line."""
    view: Application

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal view
        if scope["type"] != "lifespan":
            await view(scope, receive, send)
            return
        await receive()
        async with reading(Path(sys.argv[1]), readers) as reads:
            view = view_over(reads)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        timeout_keep_alive=60,  # else it hangs up on who asks while one slow answer blocks the loop for five seconds
        access_log=False,
        log_level="warning",
    )
