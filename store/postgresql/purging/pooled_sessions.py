"""Recognizes a connection that goes through a pool which shares the server's connections between transactions.

What is done over such a connection may happen in any session, so locks of a session would be taken in one and released
in another.
"""

from asyncpg import Connection

from store.engine.database import Address
from store.postgresql.connections import BACKEND, close, connect, is_direct
from store.postgresql.explanations import LOST_STATEMENTS

POOLED = (
    "The bytes of erased rows are removed over a direct connection only, but the URL is that of a pool that shares "
    "connections between transactions. Let one server use the URL of PostgreSQL itself."
)
ROUNDS = 20
"""How often a pool is tried. While others use it, a single try finds only two of three that share connections."""


async def is_pooled(connection: Connection, address: Address) -> bool:
    """Whether a pool gives the connection's transactions to different ones of the server, as PgBouncer's does."""
    other = await connect(address, {"statement_timeout": "0"})
    try:
        backend = await connection.fetchval(BACKEND)
        others: set[int] = set()
        for _ in range(1 if await is_direct(connection) else ROUNDS):
            others.add(await other.fetchval(BACKEND))
            if backend in others or await _moves(connection, other, backend, others):
                return True
    except LOST_STATEMENTS:
        return True  # A statement was prepared on another connection of the server.
    finally:
        await close(other)
    return False


async def _moves(connection: Connection, other: Connection, backend: int, others: set[int]) -> bool:
    """Whether one of the two is now in another session than before.

    A transaction is held open meanwhile, so a pool must give ``connection`` another session if that was its last one.
    """
    async with other.transaction():
        others.add(await other.fetchval(BACKEND))
        return len(others) > 1 or await connection.fetchval(BACKEND) != backend
