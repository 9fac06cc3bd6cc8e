"""Plans read from replicas, and never what the primary has no more."""

import bodies
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request
from gateway_under_test import UNLIMITED
from hosts import Pair, erase
from resolvers.context import Context
from store.engine.protocols import Archive

QUERIES = (
    f'{{ interaction(sid: "{bodies.sid("KI", 1)}") {{ sid }} }}',
    "{ sessions { totalCount nodes { interactions { totalCount nodes { sid } } } } }",
    f'{{ session(sid: "{bodies.sid("KC", 1)}") {{ interactions {{ nodes {{ sid }} }} }} }}',
)
"""One of one row, one of several statements, one of one statement."""


async def answer(archive: Archive, query: str, plans: PlanCache) -> bytes:
    result = await execute(Request(query), Context(archive), UNLIMITED, plans)
    assert result.is_planned
    return result.encoded()


async def test_a_plan_is_read_from_a_replica_until_that_is_behind(pair: Pair) -> None:
    sid = bodies.sid("KI", 1).encode()
    async with pair.opened(lag=3600) as deleting, pair.opened(lag=3600) as another:
        plans = PlanCache()
        for query in QUERIES:
            for _ in range(2):
                assert sid in await answer(another, query, plans)
        ran = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%proxygraph: plan%' AND pid <> pg_backend_pid()"
        assert (pair.standby.sql(ran, pair.name), pair.primary.sql(ran, pair.name)) == ("1", "0")
        pair.standby.sql("SELECT pg_wal_replay_pause()")
        await erase(deleting)
        for query in QUERIES:
            assert sid not in await answer(another, query, plans)
            assert sid not in await answer(deleting, query, plans)
        pair.standby.sql("SELECT pg_wal_replay_resume()")
