"""What is closed leaves no connection behind, also none that was being opened at that moment."""

import asyncio
import gc

import pytest

from postgresql import Cluster
from store.engine.database import Address
from store.errors import Unavailable
from store.postgresql.pools import ConnectionPool

TURNS = 40
"""The pool closes so many turns of the event loop, at most, after a connection began to be opened."""


async def test_a_connection_that_is_being_opened_when_its_pool_closes_is_given_up(postgresql_cluster: Cluster) -> None:
    """An unclosed connection gives a ResourceWarning when it is collected, which fails the test."""
    refused = 0
    for turns in range(TURNS):
        pool = ConnectionPool(Address(postgresql_cluster.url()), 1)
        taking = asyncio.create_task(pool.take())
        for _ in range(turns):
            await asyncio.sleep(0)
        await pool.close()
        try:
            connection = await taking
        except Unavailable:
            refused += 1
        else:
            assert connection.raw.is_closed()
    assert refused
    gc.collect()


async def test_a_closed_pool_opens_no_connection(postgresql_cluster: Cluster) -> None:
    pool = ConnectionPool(Address(postgresql_cluster.url()), 1)
    await pool.close()
    with pytest.raises(Unavailable):
        await pool.take()
    assert pool.counts == (0, 0, 0)
