"""The gateway works through PgBouncer, set up as the file for operators says."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bodies import interaction, put, service, session, sid
from checkout import ROOT
from postgresql import Cluster
from store.archive import open_archive
from store.engine.database import Address
from store.errors import SyncAlreadyRunning
from store.interactions import Interaction
from store.queries.lookups import Lookup

FILE = ROOT / "gateway" / "deploy" / "pgbouncer.ini"
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SECONDS_TO_START = 20

needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not here: apt-get install pgbouncer")


@pytest.fixture
def bounced(postgresql_cluster: Cluster) -> Iterator[Address]:
    """The address of an empty database through PgBouncer."""
    name = postgresql_cluster.database()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = FILE.read_text("utf-8")
    server = f"host=127.0.0.1 port={postgresql_cluster.port} dbname={name} user=proxygraph"
    for pattern, value in {
        r"^proxygraph = .*$": f"proxygraph = {server}",
        r"^listen_port = .*$": f"listen_port = {port}",
        r"^auth_type = .*$": "auth_type = any\nunix_socket_dir =",
        r"^auth_file = .*\n": "",
    }.items():
        text, changed = re.subn(pattern, value, text, flags=re.MULTILINE)
        assert changed == 1, pattern
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
        yield Address(f"postgresql://proxygraph@127.0.0.1:{port}/proxygraph")
    finally:
        process.terminate()
        process.wait(SECONDS_TO_START)
        shutil.rmtree(folder)
        postgresql_cluster.drop(name)


async def _listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    async with asyncio.timeout(SECONDS_TO_START):
        while process.poll() is None:
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port))):
                return
            await asyncio.sleep(0.01)
    raise AssertionError(f"PgBouncer ended: {log.read_text('utf-8')}")


@needs_pgbouncer
async def test_reads_writes_the_syncs_lock_and_news_of_commits_work_through_it(bounced: Address) -> None:
    async with open_archive(bounced) as archive:
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
