"""The roles of gateway/deploy/roles.sql suffice for what they are for, and can't do more."""

from collections.abc import Iterator

import asyncpg
import pytest

import bodies
import postgresql
from bodies import sid
from canaries import erase
from checkout import ROOT
from postgresql import Cluster
from store import keys
from store.archive import open_archive, read_archive
from store.engine.database import Address, Replicas
from store.errors import DatabaseError, DatabaseReadOnly
from store.postgresql.purging.hindrances import BY_RIGHT, hindrances
from store.postgresql.purging.stages import NOT_OWNER

SCRIPT = (ROOT / "gateway" / "deploy" / "roles.sql").read_text("utf-8")
WRITER, READER = "proxygraph_writer", "proxygraph_reader"
DATA = ("service", "session", "participant", "interaction")


@pytest.fixture
def with_roles(postgresql_cluster: Cluster, address: Address) -> Iterator[Address]:
    """An archive on which the script ran twice."""
    for _ in range(2):
        postgresql_cluster.run("psql", "-X", "-d", address.url, given=SCRIPT)
    yield address
    postgresql_cluster.drop(address.name)
    postgresql_cluster.sql(f"DROP ROLE {WRITER}, {READER}")


def by(role: str, address: Address) -> Address:
    return Address(address.url.replace("proxygraph@", f"{role}@"))


async def refused(address: Address, *statements: str) -> None:
    connection = await asyncpg.connect(address.url)
    try:
        for statement in statements:
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_an_ordinary_owner_may_remove_the_bytes_of_what_was_erased(postgresql_cluster: Cluster) -> None:
    name = postgresql_cluster.database()
    postgresql_cluster.sql("CREATE ROLE plain_owner LOGIN")
    postgresql_cluster.sql(f"ALTER DATABASE {name} OWNER TO plain_owner")
    address = Address(postgresql_cluster.url(name, "plain_owner"))

    async def lacking() -> set[str]:
        owner = await asyncpg.connect(address.url)
        try:
            return set(BY_RIGHT) & set(await hindrances(owner.fetch))
        finally:
            await owner.close()

    try:
        async with open_archive(address):
            pass
        assert await lacking() == set(BY_RIGHT)
        postgresql_cluster.run("psql", "-X", "-d", postgresql_cluster.url(name), given=SCRIPT)
        assert await lacking() == set()
    finally:
        postgresql_cluster.drop(name)
        postgresql_cluster.sql(f"DROP ROLE IF EXISTS plain_owner, {WRITER}, {READER}")


async def test_the_writer_serves_syncs_erases_and_makes_keys(with_roles: Address) -> None:
    async with open_archive(by(WRITER, with_roles), create=False) as archive:
        await bodies.put(archive, bodies.participant(1, identifier="+1555"), bodies.interaction(1))
        await keys.create(archive, "console", ("read",), None)
        async with archive.writer.transaction() as transaction:
            await transaction.execute("DELETE FROM session WHERE sid = :sid", {"sid": sid("KC", 1)})
        assert await archive.fetch("SELECT count(*) FROM change WHERE kind = 'ERASED'") == [(3,)]
        async with archive.sync_lock():
            pass


async def test_the_writer_makes_alters_and_drops_nothing(with_roles: Address) -> None:
    await refused(
        by(WRITER, with_roles),
        "CREATE TABLE other ()",
        "CREATE TEMPORARY TABLE other ()",
        "CREATE SCHEMA other",
        "DROP TABLE interaction",
        "TRUNCATE interaction",
        "ALTER TABLE interaction DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DELETE FROM migration",
        "CREATE ROLE other",
        "COPY interaction TO PROGRAM 'cat'",
    )


async def test_the_reader_reads_all_but_the_hashes_of_keys(with_roles: Address) -> None:
    async with open_archive(with_roles) as archive:
        await keys.create(archive, "console", ("read",), None)
    async with read_archive(by(READER, with_roles)) as archive:
        for table in (*DATA, "deletion", "change", "sync_run", "twilio_record", "erasure_case", "migration"):
            await archive.fetch(f"SELECT * FROM {table}")
        assert [key.name for key in await keys.keys(archive)] == ["console"]
    await refused(by(READER, with_roles), "SELECT hash FROM access_key", "SELECT * FROM access_key")


async def test_the_reader_writes_nothing_even_if_it_wants_to(with_roles: Address) -> None:
    writes = [f"DELETE FROM {table}" for table in (*DATA, "archive", "change", "deletion", "access_key")]
    await refused(
        by(READER, with_roles),
        *writes,
        "SET default_transaction_read_only = off; UPDATE archive SET demo = ''",
        "SET default_transaction_read_only = off; CREATE TABLE other ()",
    )
    async with open_archive(by(READER, with_roles), create=False) as archive:
        with pytest.raises(DatabaseReadOnly):
            await bodies.put(archive, bodies.interaction(1))


async def test_others_do_not_connect(postgresql_cluster: Cluster, with_roles: Address) -> None:
    postgresql_cluster.sql("CREATE ROLE stranger LOGIN")
    with pytest.raises(DatabaseError, match="permission denied for database"):
        async with read_archive(by("stranger", with_roles)):
            pass
    postgresql_cluster.sql("DROP ROLE stranger")


async def test_tables_that_the_owner_makes_later_are_readable_and_writable(with_roles: Address) -> None:
    owner = await asyncpg.connect(with_roles.url)
    await owner.execute("CREATE TABLE later (x text)")
    for role in (WRITER, READER):
        await owner.execute(f"SET ROLE {role}")
        await owner.fetch("SELECT * FROM later")
    await owner.execute(f"SET ROLE {WRITER}")
    await owner.execute("INSERT INTO later VALUES ('')")
    await owner.close()


async def test_the_writer_leaves_migrations_to_the_owner_with_a_sentence(
    postgresql_cluster: Cluster, with_roles: Address
) -> None:
    anew = f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO {WRITER}"
    postgresql_cluster.sql(anew, with_roles.name)
    with pytest.raises(DatabaseReadOnly, match="with the URL of the role that owns the archive"):
        async with open_archive(by(WRITER, with_roles)):
            pass


async def test_the_writer_leaves_the_bytes_of_erased_rows_to_the_owner_and_the_ledger_says_so(
    with_roles: Address,
) -> None:
    waits_for = "SELECT waits_for FROM deletion"
    async with open_archive(with_roles) as owner, open_archive(by(WRITER, with_roles), create=False) as writer:
        await bodies.put(owner, bodies.service(1), bodies.session(1), bodies.interaction(1), bodies.interaction(2))
        await erase(writer, 1)
        assert await writer.writer.purge(at_once=True) == NOT_OWNER
        assert await owner.fetch(waits_for) == [(NOT_OWNER,)]
        assert await owner.writer.purge(at_once=True) is None
        assert await owner.fetch(waits_for) == [(None,)]
        await erase(owner, 2)
        of_owner = "A reason that the owner's server has written."
        async with owner.writer.transaction() as transaction:
            await transaction.execute("UPDATE deletion SET waits_for = :why WHERE closed_at IS NULL", {"why": of_owner})
        assert await writer.writer.purge(at_once=True) == NOT_OWNER
        assert await owner.fetch(f"{waits_for} WHERE closed_at IS NULL") == [(of_owner,)]


async def test_the_owner_removes_bytes_from_a_standby_that_it_reads_as_the_reader() -> None:
    with postgresql.cluster(wal_recycle="off") as primary:
        primary.sql("CREATE ROLE plain_owner LOGIN")
        name = primary.database()
        primary.sql(f"ALTER DATABASE {name} OWNER TO plain_owner")
        address = Address(primary.url(name, "plain_owner"))
        async with open_archive(address) as archive:
            primary.run("psql", "-X", "-d", primary.url(name), given=SCRIPT)
            await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.interaction(1))
        with postgresql.standby(primary) as standby:
            replicas = Replicas((Address(standby.url(name, READER)),))
            async with open_archive(address, replicas=replicas) as archive:
                assert set(BY_RIGHT) & {each.partition(": ")[2] for each in await archive.hindrances()} == set()
                await erase(archive, 1)
                assert await archive.writer.purge(at_once=True) is None
                assert await archive.fetch("SELECT closed_at IS NOT NULL FROM deletion") == [(True,)]
