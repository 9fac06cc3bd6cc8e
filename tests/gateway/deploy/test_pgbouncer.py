"""The gateway works through PgBouncer, set up as the file for operators says."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bodies import interaction, put, service, session, sid
from canaries import erase
from checkout import ROOT
from databases import is_empty
from following import CHANGES, following
from gateway_under_test import serving
from hosts import until
from links import link
from postgresql import Cluster
from store.archive import open_archive
from store.engine.database import Address
from store.errors import DatabaseUnreachable, SyncAlreadyRunning
from store.interactions import Interaction
from store.postgresql.connections import close, connect
from store.postgresql.hosts.notified_commits import NotifiedCommits
from store.postgresql.hosts.sync_lock import sync_lock
from store.postgresql.purging.pooled_sessions import POOLED
from store.queries.lookups import Lookup

FILE = ROOT / "gateway" / "deploy" / "pgbouncer.ini"
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SECONDS_TO_START = 20

needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not here: apt-get install pgbouncer")


SESSION: dict[str, str] = {}
TRANSACTION = {r"^pool_mode = session$": "", r"^;   (?=pool_mode|max_prepared_statements)": ""}
"""The file with the lines that it has for transaction mode."""


def version() -> tuple[int, ...]:
    """PgBouncer's version, such as (1, 18, 0)."""
    shown = subprocess.run([str(PGBOUNCER), "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", shown.splitlines()[0]))


KEEPS_STATEMENTS = PGBOUNCER is not None and version() >= (1, 21)
needs_prepared_statements = pytest.mark.skipif(
    not KEEPS_STATEMENTS, reason="PgBouncer 1.21 or newer is not here, which keeps prepared statements."
)


class Bounced(NamedTuple):
    """A database's own address, and that through PgBouncer."""

    direct: Address
    pooled: Address


IN_TRANSACTION_MODE = pytest.param(TRANSACTION, id="transaction", marks=needs_prepared_statements)
LOSING_STATEMENTS = (
    TRANSACTION | {"max_prepared_statements = 200": "max_prepared_statements = 0"}
    if KEEPS_STATEMENTS
    else {r"^pool_mode = session$": "", r"^;   (?=pool_mode)": ""}
)
"""Transaction mode as an older PgBouncer has it."""


@pytest.fixture(params=[pytest.param(SESSION, id="session", marks=needs_pgbouncer), IN_TRANSACTION_MODE])
def bounced(postgresql_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Bounced]:
    """An empty database, and its address through PgBouncer."""
    with through(postgresql_cluster, request.param) as made:
        yield made


@contextmanager
def through(cluster: Cluster, changes: dict[str, str]) -> Iterator[Bounced]:
    """PgBouncer with the operators' file, in which these patterns are replaced too."""
    name = cluster.database()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = FILE.read_text("utf-8")
    server = f"host=127.0.0.1 port={cluster.port} dbname={name} user=proxygraph"
    for pattern, value in {
        r"^proxygraph = .*$": f"proxygraph = {server}",
        r"^listen_port = .*$": f"listen_port = {port}",
        r"^auth_type = .*$": "auth_type = any\nunix_socket_dir =",
        r"^auth_file = .*\n": "",
        **changes,
    }.items():
        text, changed = re.subn(pattern, value, text, flags=re.MULTILINE)
        assert changed > 0, pattern
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    file = folder / "pgbouncer.ini"
    file.write_text(text, "utf-8")
    folder.chmod(0o755)
    # It refuses to run as root.
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*user, str(PGBOUNCER), str(file)], stdout=log, stderr=log)
    try:
        asyncio.run(_listens(process, port, folder / "log"))
        yield Bounced(Address(cluster.url(name)), Address(f"postgresql://proxygraph@127.0.0.1:{port}/proxygraph"))
    finally:
        process.terminate()
        process.wait(SECONDS_TO_START)
        shutil.rmtree(folder)
        cluster.drop(name)


async def _listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    async with asyncio.timeout(SECONDS_TO_START):
        while process.poll() is None:
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port))):
                return
            await asyncio.sleep(0.01)
    raise AssertionError(f"PgBouncer ended: {log.read_text('utf-8')}")


async def test_reads_writes_the_syncs_lock_and_news_of_commits_work_through_it(bounced: Bounced) -> None:
    async with open_archive(bounced.pooled) as archive:
        await put(archive, service(1), session(1), *(interaction(number) for number in range(1, 21)))

        async def read(number: int) -> None:
            reader = archive.operation_reader()
            for _ in range(10):
                (row,) = await reader.read(Lookup(Interaction), [sid("KI", number)])
                assert row is not None
                assert row.sid == sid("KI", number)
            await reader.release()

        await asyncio.gather(*(read(number) for number in range(1, 21)))
        commits = archive.commits()
        seen = asyncio.create_task(commits.after(commits.count()))
        await put(archive, interaction(21))
        await asyncio.wait_for(seen, SECONDS_TO_START)
        await commits.stop()
        async with archive.sync_lock():
            with pytest.raises(SyncAlreadyRunning):
                async with archive.sync_lock():
                    pass
        async with archive.sync_lock():
            pass


HAS_POLLED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle' AND query LIKE '%data_version%' AND pid <> pg_backend_pid()
"""


async def test_nobody_listens_through_it_since_the_next_client_would_get_that_session(
    bounced: Bounced, postgresql_cluster: Cluster
) -> None:
    postgresql_cluster.sql(f"ALTER DATABASE {bounced.direct.name} SET log_statement = 'all'")
    logged = postgresql_cluster.log.stat().st_size
    async with open_archive(bounced.direct) as direct:
        commits = NotifiedCommits(bounced.pooled)
        count = await asyncio.wait_for(commits.after(0), SECONDS_TO_START)
        await put(direct, service(1))
        await asyncio.wait_for(commits.after(count), SECONDS_TO_START)
        await commits.stop()
    said = postgresql_cluster.log.read_bytes()[logged:]
    assert b"data_version" in said
    assert b"LISTEN" not in said


@needs_pgbouncer
async def test_who_stops_listening_leaves_no_reply_to_the_next_client(postgresql_cluster: Cluster) -> None:
    """Here a notification is under way when the listener stops, and the next client gets its server connection."""
    async with link(postgresql_cluster) as slow:
        one_connection = {
            r"(?<= port=)\d+(?= dbname)": str(slow.port),
            r"^default_pool_size = .*$": "default_pool_size = 1",
        }
        with ExitStack() as stack:
            bounced = await asyncio.to_thread(stack.enter_context, through(postgresql_cluster, one_connection))
            async with open_archive(bounced.direct):
                pass  # Makes the tables.
            notifying = await connect(bounced.direct)
            commits = NotifiedCommits(bounced.pooled)
            await asyncio.wait_for(commits.after(0), SECONDS_TO_START)
            waiting = await connect(bounced.pooled)

            async def has_polled() -> bool:
                return bool(await notifying.fetchval(HAS_POLLED))

            await until(has_polled)
            answer = asyncio.create_task(waiting.execute("BEGIN; SELECT 1"))
            slow.seconds = 0.1
            await notifying.execute("NOTIFY proxygraph")
            await commits.stop()
            assert await asyncio.wait_for(answer, SECONDS_TO_START) == "SELECT 1"
            await close(waiting)
            await close(notifying)


@needs_pgbouncer
async def test_the_syncs_lock_is_free_once_a_sync_through_it_has_ended(postgresql_cluster: Cluster) -> None:
    """Here PgBouncer's requests reach the server so late that the lock would still be held."""
    async with link(postgresql_cluster) as slow:
        with ExitStack() as stack:
            over_link = {r"(?<= port=)\d+(?= dbname)": str(slow.port)}
            bounced = await asyncio.to_thread(stack.enter_context, through(postgresql_cluster, over_link))
            async with open_archive(bounced.direct) as direct:
                async with sync_lock(bounced.pooled):
                    slow.seconds = 0.2
                async with direct.sync_lock():
                    pass


LIST = {"query": "{ interactions(first: 20) { totalCount nodes { sid session { sid participants { sid } } } } }"}


async def test_a_gateway_answers_and_tells_of_changes_through_it(bounced: Bounced) -> None:
    async with open_archive(bounced.direct) as archive:
        await put(archive, service(1), session(1), *(interaction(number) for number in range(1, 21)))
    async with serving(bounced.pooled) as client, following(client, CHANGES) as stream:

        async def asked(query: dict[str, str]) -> Any:
            async with client.post("/graphql", json=query) as response:
                return await response.json()

        one = {"query": f'{{ interaction(sid: "{sid("KI", 7)}") {{ sid }} }}'}
        answers = await asyncio.gather(*(asked(query) for query in [one, LIST] * 30))
        assert [answer for answer in answers if "errors" in answer] == []
        assert answers[0]["data"]["interaction"]["sid"] == sid("KI", 7)
        assert {answer["data"]["interactions"]["totalCount"] for answer in answers[1::2]} == {20}
        deletion = f'mutation {{ deleteInteraction(input: {{ sid: "{sid("KI", 7)}" }}) {{ userErrors {{ code }} }} }}'
        assert (await asked({"query": deletion}))["data"]["deleteInteraction"]["userErrors"] == []
        change = await asyncio.wait_for(stream.next(), SECONDS_TO_START)
        assert change
        assert (change["data"]["changes"]["kind"], change["data"]["changes"]["sid"]) == ("ERASED", sid("KI", 7))
        assert (await asked(one))["data"]["interaction"] is None


@pytest.mark.parametrize("bounced", [IN_TRANSACTION_MODE], indirect=True)
async def test_in_transaction_mode_the_purge_is_left_to_a_gateway_with_a_direct_address(bounced: Bounced) -> None:
    async with open_archive(bounced.pooled) as pooled, open_archive(bounced.direct) as direct:
        await put(pooled, service(1), session(1), interaction(1))
        await erase(pooled, 1)
        assert await pooled.writer.purge(at_once=True) == POOLED
        assert await direct.writer.purge(at_once=True) is None


@needs_prepared_statements
@pytest.mark.parametrize(
    "bounced",
    [pytest.param(TRANSACTION | {r"^pool_mode = session$": "server_round_robin = 1"}, id="transaction")],
    indirect=True,
)
async def test_a_purge_knows_a_pool_that_gives_it_the_same_session_again(bounced: Bounced) -> None:
    """Two connections of the server take turns here; a lock of a session would stay in one of them."""
    async with open_archive(bounced.direct) as direct, open_archive(bounced.pooled) as pooled:
        await put(direct, service(1), session(1), *(interaction(number) for number in range(1, 4)))
        both = [await connect(bounced.pooled) for _ in range(2)]
        await asyncio.gather(*(raw.execute("SELECT pg_sleep(0.1)") for raw in both))
        for number in range(1, 4):
            await erase(direct, number)
            assert await pooled.writer.purge(at_once=True) == POOLED
        assert await direct.fetch("SELECT pid FROM pg_locks WHERE locktype = 'advisory'") == []
        await asyncio.gather(*(close(raw) for raw in both))


@needs_pgbouncer
@pytest.mark.parametrize("bounced", [LOSING_STATEMENTS], indirect=True, ids=["transaction"])
async def test_a_pool_that_loses_prepared_statements_is_refused_at_the_start(bounced: Bounced) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"Use PgBouncer 1\.21 or newer with max_prepared_statements"):
        async with open_archive(bounced.pooled):
            pass
    assert is_empty(bounced.direct)
