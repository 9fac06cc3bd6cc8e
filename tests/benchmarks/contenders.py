"""The contenders: the gateway and its alternatives, each a server over the same rows."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import postgraphile
from servers import BenchmarkFailed, Server, free_port, gateway, serving

PEERS = Path(__file__).with_name("peers")
INSTALL_SECONDS = 900


class Engine(StrEnum):
    """The databases that hold the rows."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Shape(NamedTuple):
    """A peer's own schema: the document that asks it for the same, and its answer as the gateway would write it."""

    document: Callable[[str], str]
    answer: Callable[[Any], Any]

    def body(self, ours: str) -> str:
        """The request body for the gateway's."""
        request = json.loads(ours)
        return json.dumps(request | {"query": self.document(request["query"])})


OUR_SHAPE = Shape(lambda document: document, lambda answer: answer)


class Contender(NamedTuple):
    """A server to measure. ``script`` and ``options`` start it; without a script it is the gateway."""

    name: str
    about: str
    script: str = ""
    options: tuple[str, ...] = ()
    engine: Engine = Engine.SQLITE
    shape: Shape = OUR_SHAPE

    @property
    def is_gateway(self) -> bool:
        return not self.script

    @property
    def is_node(self) -> bool:
        return self.script.endswith(".js")


OURS = Contender("proxygraph", "Proxygraph")
OURS_ON_POSTGRESQL = Contender("proxygraph", "Proxygraph on PostgreSQL", engine=Engine.POSTGRESQL)


class Setup(NamedTuple):
    """What contenders are started with: the archive, the port (0: a free one), a scratch folder, the Node packages.

    ``ours`` is the gateway that is measured; ``address`` is that of the PostgreSQL database with the archive's rows.
    """

    archive: Path
    port: int
    scratch: Path
    node_packages: Path | None = None
    ours: Contender = OURS
    address: str = ""

    def database(self, contender: Contender) -> str:
        """What the contender reads: the archive's path, or the address."""
        return str(self.archive) if contender.engine is Engine.SQLITE else self.address


ON_SQLITE = (
    Contender("mercurius", "mercurius with JIT over better-sqlite3, as documented", "mercurius.js"),
    Contender("mercurius-tuned", "the same, tuned by hand", "mercurius_tuned.js"),
    Contender("apollo", "Apollo Server with dataloaders over better-sqlite3", "apollo.js"),
    Contender("yoga", "GraphQL Yoga, likewise", "yoga.js"),
    Contender("strawberry", "Strawberry with dataloaders over aiosqlite", "strawberry_server.py"),
    Contender(
        "strawberry-tuned", "the same with cached documents, orjson, four readers", "strawberry_server.py", ("--tuned",)
    ),
    Contender("bare", "bare uvicorn with hand-written SQL, without GraphQL: rows to dicts to orjson", "bare.py"),
)
ON_POSTGRESQL = (
    Contender(
        "postgraphile",
        "PostGraphile V5 with the schema that it generates of the tables",
        "postgresql/postgraphile.js",
        engine=Engine.POSTGRESQL,
        shape=Shape(postgraphile.document, postgraphile.answer),
    ),
    Contender(
        "mercurius",
        "mercurius with JIT over pg, with loaders, as documented",
        "postgresql/mercurius.js",
        engine=Engine.POSTGRESQL,
    ),
    Contender(
        "asyncpg",
        "bare uvicorn with asyncpg's pool and SQL by hand that writes the JSON, without GraphQL",
        "postgresql/bare.py",
        engine=Engine.POSTGRESQL,
    ),
    Contender(
        "asyncpg-held",
        "the same with connections in a list of its own",
        "postgresql/bare.py",
        ("--held",),
        Engine.POSTGRESQL,
    ),
    Contender("on-sqlite", "Proxygraph on SQLite"),
)
PEERS_OF = {Engine.SQLITE: ON_SQLITE, Engine.POSTGRESQL: ON_POSTGRESQL}
OURS_ON = {Engine.SQLITE: OURS, Engine.POSTGRESQL: OURS_ON_POSTGRESQL}
PACKAGES = {Engine.SQLITE: PEERS / "package.json", Engine.POSTGRESQL: PEERS / "postgresql" / "package.json"}
RAISED_PAGE_LIMIT = {"PROXYGRAPH_MAX_PAGE_SIZE": "10000"}


@contextmanager
def contending(contender: Contender, setup: Setup, raised: bool = False, workers: int = 1) -> Iterator[Server]:
    """Runs the contender until the end of the block; ``raised`` raises the gateway's page limit."""
    log = setup.scratch / f"{contender.name}.log"
    if contender.is_gateway:
        server_context = gateway(
            setup.database(contender), log, setup.port, workers, RAISED_PAGE_LIMIT if raised else None
        )
    else:
        port = setup.port or free_port()
        runtime = _node(setup) if contender.is_node else sys.executable
        command = [runtime, str(PEERS / contender.script), setup.database(contender), str(port), *contender.options]
        server_context = serving(command, port, "/", log, _node_environment(setup) if contender.is_node else None)
    with server_context as server:
        yield server


def left_out(peers: Sequence[Contender]) -> dict[Contender, str]:
    """The peers that can't run on this machine, each with the reason."""
    reasons = {}
    no_node = not (shutil.which("node") and shutil.which("npm"))
    for peer in peers:
        if peer.is_node and no_node:
            reasons[peer] = "it needs Node.js with npm, and there is none here"
        elif peer.script == "strawberry_server.py" and find_spec("starlette") is None:
            reasons[peer] = "it needs Starlette: pip install --editable '.[test]'"
    return reasons


def install_node_packages(packages: Path, folder: Path) -> Path:
    """Installs what ``packages``, a package.json, names in ``folder``, if it isn't there; returns the packages' path.

    Raises BenchmarkFailed if npm can't.
    """
    folder.mkdir(parents=True, exist_ok=True)
    installed, marker = folder / "node_modules", folder / "installed.json"
    wanted = packages.read_text("utf-8")
    if marker.exists() and marker.read_text("utf-8") == wanted:
        return installed
    (folder / packages.name).write_text(wanted, "utf-8")
    # npm may not run install scripts, and better-sqlite3 needs its own to compile.
    for arguments in (("install", "--no-audit", "--no-fund"), ("rebuild", "better-sqlite3")):
        command = ["npm", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        if done.returncode:
            raise BenchmarkFailed(f"{' '.join(command)} failed in {folder}: {done.stderr.strip()[-1_000:]}")
        if "better-sqlite3" not in wanted or any(installed.glob("better-sqlite3/build/Release/better_sqlite3.node")):
            break
    marker.write_text(wanted, "utf-8")
    return installed


def node_version(setup: Setup) -> str:
    """The version of the Node.js that runs the Node peers."""
    return subprocess.run([_node(setup), "--version"], capture_output=True, text=True, timeout=30).stdout.strip()


def _node(setup: Setup) -> str:
    """The Node.js that was installed with the packages, or else the machine's."""
    installed = setup.node_packages and setup.node_packages / ".bin" / "node"
    return str(installed) if installed and installed.exists() else "node"


def _node_environment(setup: Setup) -> Mapping[str, str]:
    paths = [str(setup.node_packages), os.environ.get("NODE_PATH", "")]
    return {"NODE_PATH": os.pathsep.join(filter(None, paths)), "NODE_ENV": "production"}
