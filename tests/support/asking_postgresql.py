"""One statement at PostgreSQL, over a connection of its own, which takes less time than to start psql."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg


def asked(method: str, sql: str, *values: Any, **server: Any) -> Any:
    """What asyncpg's ``execute`` or ``fetch`` answers; ``server`` are arguments of ``asyncpg.connect``.

    It runs in a thread, since a test may itself run in an event loop.
    """

    async def ask() -> Any:
        connection = await asyncpg.connect(**server)
        try:
            return await getattr(connection, method)(sql, *values)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()
