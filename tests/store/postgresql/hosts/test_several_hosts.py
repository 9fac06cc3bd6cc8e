"""The primary is found among the hosts of an address, also where a primary that was replaced has come back."""

import pytest

import bodies
import postgresql
from hosts import Pair, aside, port, stored, until
from store.archive import open_archive
from store.engine.database import Address
from store.engine.protocols import Archive
from store.errors import DatabaseUnreachable, Unavailable
from store.postgresql.several_hosts import hosts_of

COUNT = f"SELECT count(*) FROM interaction WHERE sid > '{bodies.sid('KI', 1_000)}'"
HOSTS = [
    ("postgresql://a@db1/x", ["postgresql://a@db1/x"]),
    ("postgresql://a:b@db1,db2:5433/x", ["postgresql://a:b@db1/x", "postgresql://a:b@db2:5433/x"]),
    ("postgresql://[::1]:1,[::2]/x?ssl=1", ["postgresql://[::1]:1/x?ssl=1", "postgresql://[::2]/x?ssl=1"]),
    ("postgresql://db1,db2/x?target_session_attrs=primary", ["postgresql://db1/x", "postgresql://db2/x"]),
    (
        "postgresql:///x?host=/run/1,db2&port=1,2",
        ["postgresql:///x?host=%2Frun%2F1&port=1", "postgresql:///x?host=db2&port=2"],
    ),
    ("postgresql:///x?host=db1,db2&port=7", ["postgresql:///x?host=db1&port=7", "postgresql:///x?host=db2&port=7"]),
    ("postgresql:///x", ["postgresql:///x"]),
]


@pytest.mark.parametrize(("url", "expected"), HOSTS)
def test_an_address_names_hosts(url: str, expected: list[str]) -> None:
    assert [host.url for host in hosts_of(Address(url))] == expected


async def test_the_primary_is_used_in_whatever_order_the_hosts_are(pair: Pair) -> None:
    for hosts in ((pair.primary, pair.standby), (pair.standby, pair.primary)):
        named = ",".join(f"127.0.0.1:{host.port}" for host in hosts)
        async with open_archive(Address(f"postgresql://proxygraph@{named},127.0.0.1:1/{pair.name}")) as archive:
            await bodies.put(archive, bodies.interaction(2))


async def test_without_a_primary_the_sentence_says_so(pair: Pair) -> None:
    standby = f"127.0.0.1:{pair.standby.port}"
    with pytest.raises(DatabaseUnreachable, match="none of its hosts is the primary"):
        async with open_archive(Address(f"postgresql://proxygraph@{standby},{standby}/{pair.name}")):
            pass


async def test_a_primary_that_was_replaced_is_not_used_when_it_comes_back(spare: Pair) -> None:
    async with open_archive(spare.both) as archive:
        await bodies.put(archive, bodies.interaction(1_000))
        await aside(spare.primary.kill)
        await aside(spare.standby.sql, "SELECT pg_promote()")
        await until(lambda: written(archive, 1_001))
        await aside(spare.primary.start)  # Nobody told it that it was replaced: it is a primary on the old timeline.
        await written(archive, 1_002)
        async with open_archive(spare.both) as another:
            await written(another, 1_003)
            assert await port(another) == spare.standby.port
    found = [cluster.sql(COUNT, spare.name) for cluster in (spare.primary, spare.standby)]
    assert found == ["0", "3"]


async def test_a_frozen_primary_is_left_for_the_promoted_standby(spare: Pair) -> None:
    async with open_archive(spare.both) as archive:
        await bodies.put(archive, bodies.interaction(1_000))
        postgresql.catch_up(spare.standby, spare.primary)
        spare.primary.freeze()
        try:
            await aside(spare.standby.sql, "SELECT pg_promote()")
            await until(lambda: written(archive, 1_001))
            assert await stored(archive, bodies.sid("KI", 1_001))
        finally:
            spare.primary.thaw()
        assert await written(archive, 1_002)
    found = [cluster.sql(COUNT, spare.name) for cluster in (spare.primary, spare.standby)]
    assert found == ["0", "2"]


async def written(archive: Archive, number: int) -> bool:
    try:
        await bodies.put(archive, bodies.interaction(number))
    except Unavailable:
        return False
    return True
