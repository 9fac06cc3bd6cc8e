"""What can be opened and what is refused, each with a sentence that says what to do."""

import asyncio
import logging
import os
import socket
import subprocess
from pathlib import Path

import asyncpg
import pytest

import postgresql
from postgresql import Cluster
from postgresql_features import TLS, needs
from store.engine.database import Address
from store.errors import DatabaseError, DatabaseForeign, DatabaseNewer, DatabaseReadOnly, DatabaseUnreachable
from store.postgresql.archive import open_database, read_database
from store.postgresql.migrations import FOLDER, latest, migrate
from store.postgresql.opening import prepare


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def refusal(url: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as refused:
        await prepare(Address(url))
    assert str(refused.value).endswith(".")
    assert "secret" not in str(refused.value)
    return refused.value


async def test_an_empty_database_gets_an_archive_once(empty_postgresql: str) -> None:
    async with open_database(Address(empty_postgresql), 5, create=True) as archive:
        assert archive.created
        version = await archive.data_version()
    async with open_database(Address(empty_postgresql), 5, create=False) as archive:
        assert not archive.created
        assert await archive.data_version() == version


async def test_servers_that_start_at_the_same_time_migrate_once(empty_postgresql: str) -> None:
    created = await asyncio.gather(*(prepare(Address(empty_postgresql)) for _ in range(8)))
    assert sorted(created) == [False] * 7 + [True]


async def test_a_migration_that_fails_changes_nothing(empty_postgresql: str, tmp_path: Path) -> None:
    for file in FOLDER.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / f"{latest() + 1:04}_wrong.sql").write_text("CREATE TABLE half (x text); SELECT 1 / 0;", "utf-8")
    connection = await asyncpg.connect(empty_postgresql)
    try:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(connection, tmp_path)
        assert await connection.fetchval("SELECT max(number) FROM migration") == latest()
        assert await connection.fetchval("SELECT to_regclass('half')") is None
    finally:
        await connection.close()


async def test_a_column_that_a_migration_adds_gets_what_extra_holds(address: Address, tmp_path: Path) -> None:
    for file in FOLDER.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    again = 'ALTER TABLE session ADD COLUMN ttl bigint; ALTER TABLE session ADD COLUMN mode text COLLATE "C"'
    (tmp_path / f"{latest() + 1:04}_again.sql").write_text(again, "utf-8")
    connection = await asyncpg.connect(address.url)
    try:
        await connection.execute(
            """UPDATE session SET extra = '{"ttl":"60","mode":"Voice-Only","other":[1]}';"""
            "ALTER TABLE session DROP COLUMN ttl, DROP COLUMN mode"
        )
        assert not await migrate(connection, tmp_path)
        (row,) = await connection.fetch("SELECT ttl, mode, extra FROM session")
        assert tuple(row) == (60, "voice-only", '{"other":[1]}')
    finally:
        await connection.close()


async def test_a_database_of_a_later_version_is_refused(empty_postgresql: str) -> None:
    await prepare(Address(empty_postgresql))
    await run(empty_postgresql, "INSERT INTO migration VALUES (9999, '', 9999)")
    assert isinstance(await refusal(empty_postgresql), DatabaseNewer)


async def test_a_database_of_another_program_is_refused_and_unchanged(empty_postgresql: str) -> None:
    await run(empty_postgresql, "CREATE TABLE theirs (x text)")
    assert isinstance(await refusal(empty_postgresql), DatabaseForeign)
    await run(empty_postgresql, "DROP TABLE theirs")
    assert await prepare(Address(empty_postgresql))


async def test_an_archive_may_have_a_schema_of_its_own_beside_another_program(empty_postgresql: str) -> None:
    await run(empty_postgresql, "CREATE TABLE theirs (x text)", "CREATE SCHEMA archive")
    assert await prepare(Address(f"{empty_postgresql}?options=-csearch_path%3Darchive"))


async def test_a_command_that_only_reads_creates_no_archive(empty_postgresql: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="There is no archive in postgresql://"):
        async with read_database(Address(empty_postgresql)):
            pass
    with pytest.raises(DatabaseUnreachable, match="There is no archive in postgresql://"):
        await prepare(Address(empty_postgresql), create=False)
    await run(empty_postgresql, "CREATE TABLE still_empty ()")


async def test_a_wrong_password_is_refused_without_being_shown(
    postgresql_cluster: Cluster, empty_postgresql: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await run(empty_postgresql, "DROP ROLE IF EXISTS visitor", "CREATE ROLE visitor LOGIN PASSWORD 'right'")
    postgresql_cluster.authenticate("host all visitor 127.0.0.1/32 scram-sha-256")
    error = await refusal(empty_postgresql.replace("proxygraph@", "visitor:secret@"))
    assert "refused the password" in str(error)
    assert "secret" not in caplog.text
    with pytest.raises(DatabaseReadOnly, match="has to be created or migrated, which its role may not"):
        await prepare(Address(empty_postgresql.replace("proxygraph@", "visitor:right@")))


async def test_the_password_may_come_from_the_environment_or_a_file(
    postgresql_cluster: Cluster, empty_postgresql: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await prepare(Address(empty_postgresql))
    await run(
        empty_postgresql,
        "DROP ROLE IF EXISTS visitor2",
        "CREATE ROLE visitor2 LOGIN SUPERUSER PASSWORD 'right'",
    )
    postgresql_cluster.authenticate("host all visitor2 127.0.0.1/32 scram-sha-256")
    url = empty_postgresql.replace("proxygraph@", "visitor2@")
    monkeypatch.setenv("PGPASSWORD", "right")
    assert not await prepare(Address(url))
    monkeypatch.delenv("PGPASSWORD")
    file = tmp_path / "pass"
    file.write_text("*:*:*:visitor2:right\n", "utf-8")
    file.chmod(0o600)
    assert not await prepare(Address(f"{url}?passfile={file}"))


async def test_if_no_server_answers_the_error_says_what_to_check(postgresql_cluster: Cluster) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        error = await refusal(f"postgresql://user:secret@127.0.0.1:{port}/name")
    assert isinstance(error, DatabaseUnreachable)
    assert "Check the host and the port" in str(error)
    assert "createdb" in str(await refusal(postgresql_cluster.url("nowhere")))


async def test_connecting_to_a_server_that_never_answers_ends_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://user:secret@127.0.0.1:{silent.getsockname()[1]}/name?connect_timeout=1&sslmode=disable"
        assert "doesn't answer" in str(await refusal(url))


async def test_a_database_that_cannot_keep_every_text_is_refused(postgresql_cluster: Cluster) -> None:
    postgresql_cluster.sql(
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc"
    )
    assert "UTF8" in str(await refusal(postgresql_cluster.url("latin")))
    postgresql_cluster.drop("latin")


async def test_a_server_of_an_older_version_is_refused(empty_postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("opening", "explanations"):
        monkeypatch.setattr(f"store.postgresql.{module}.OLDEST_VERSION", 99)
    assert "Proxygraph needs 99 or newer. Upgrade the server." in str(await refusal(empty_postgresql))


async def test_tls_is_used_and_verified_as_the_url_says(tmp_path: Path) -> None:
    needs(TLS)
    with postgresql.cluster() as cluster:
        key, certificate = cluster.data / "server.key", cluster.data / "server.crt"
        certificate_of(key, certificate)
        cluster.stop()
        cluster.settings |= {"ssl": "on"}
        cluster.start()
        cluster.sql("CREATE DATABASE archive")
        trusted = tmp_path / "ca.pem"
        trusted.write_bytes(certificate.read_bytes())
        secured = cluster.url("archive").replace("127.0.0.1", "localhost")
        assert await prepare(Address(f"{secured}?sslmode=verify-full&sslrootcert={trusted}"))
        error = await refusal(f"{cluster.url('archive')}?sslmode=verify-full&sslrootcert={trusted}")
        assert "TLS failed" in str(error)
        missing = await refusal(f"{secured}?sslmode=verify-full&sslrootcert={tmp_path}/missing.pem")
        assert str(missing).endswith("the file that sslrootcert names can't be read.")
        cluster.authenticate("hostnossl all all 127.0.0.1/32 reject")
        assert "refused the connection" in str(await refusal(f"{cluster.url('archive')}?sslmode=disable"))


async def test_a_server_without_tls_and_a_missing_root_certificate_are_called_by_name(
    empty_postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    error = await refusal(f"{empty_postgresql}?sslmode=require")
    assert str(error).endswith("the server doesn't offer TLS. Set it up there, or change sslmode.")
    error = await refusal(f"{empty_postgresql}?sslmode=verify-full")
    assert "does not exist or cannot be accessed. Name it by sslrootcert." in str(error)


async def test_a_standby_can_be_read_but_gets_no_archive() -> None:
    with postgresql.cluster() as primary, postgresql.standby(primary) as replica:
        with pytest.raises(DatabaseReadOnly, match="Name the primary"):
            await prepare(Address(replica.url()))
        await prepare(Address(primary.url()))
        postgresql.catch_up(replica, primary)
        async with read_database(Address(replica.url())) as archive:
            assert list(await archive.fetch("SELECT count(*) FROM interaction")) == [(0,)]


def certificate_of(key: Path, certificate: Path) -> None:
    """A certificate of localhost that signs itself, for PostgreSQL's user."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", *new_key, "-days", "2", "-keyout", key, "-out", certificate, *subject],
        check=True,
        capture_output=True,
    )
    owner = key.parent.stat()
    for file in (key, certificate):
        file.chmod(0o600)
        os.chown(file, owner.st_uid, owner.st_gid)
