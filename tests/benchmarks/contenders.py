"""The contenders: the gateway and its alternatives, each a server over the same archive."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from servers import BenchmarkFailed, Server, free_port, gateway, serving

PEERS = Path(__file__).with_name("peers")
PACKAGES = PEERS / "package.json"
INSTALL_SECONDS = 900


class Contender(NamedTuple):
    """A server to measure. ``script`` and ``options`` start it; without a script it is the gateway."""

    name: str
    about: str
    script: str = ""
    options: tuple[str, ...] = ()

    @property
    def is_node(self) -> bool:
        return self.script.endswith(".js")


class Setup(NamedTuple):
    """What contenders are started with: the archive, the port (0: a free one), a scratch folder, the Node packages."""

    archive: Path
    port: int
    scratch: Path
    node_packages: Path | None = None


OURS = Contender("proxygraph", "Proxygraph")
PEERS_OF_OURS = (
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
RAISED_PAGE_LIMIT = {"PROXYGRAPH_MAX_PAGE_SIZE": "10000"}


@contextmanager
def contending(contender: Contender, setup: Setup, raised: bool = False, workers: int = 1) -> Iterator[Server]:
    """Runs the contender until the end of the block; ``raised`` raises the gateway's page limit."""
    log = setup.scratch / f"{contender.name}.log"
    if contender is OURS:
        server_context = gateway(setup.archive, log, setup.port, workers, RAISED_PAGE_LIMIT if raised else None)
    else:
        port = setup.port or free_port()
        runtime = "node" if contender.is_node else sys.executable
        command = [runtime, str(PEERS / contender.script), str(setup.archive), str(port), *contender.options]
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


def install_node_packages(folder: Path) -> Path:
    """Installs the Node peers' packages in ``folder``, if they are not there yet; returns the path of the packages.

    Raises BenchmarkFailed if npm can't.
    """
    folder.mkdir(parents=True, exist_ok=True)
    installed, marker = folder / "node_modules", folder / "installed.json"
    wanted = PACKAGES.read_text("utf-8")
    if marker.exists() and marker.read_text("utf-8") == wanted:
        return installed
    (folder / PACKAGES.name).write_text(wanted, "utf-8")
    # npm may not run install scripts, and better-sqlite3 needs its own to compile.
    for arguments in (("install", "--no-audit", "--no-fund"), ("rebuild", "better-sqlite3")):
        command = ["npm", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        if done.returncode:
            raise BenchmarkFailed(f"{' '.join(command)} failed in {folder}: {done.stderr.strip()[-1_000:]}")
        if any(installed.glob("better-sqlite3/build/Release/better_sqlite3.node")):
            break
    marker.write_text(wanted, "utf-8")
    return installed


def _node_environment(setup: Setup) -> Mapping[str, str]:
    paths = [str(setup.node_packages), os.environ.get("NODE_PATH", "")]
    return {"NODE_PATH": os.pathsep.join(filter(None, paths)), "NODE_ENV": "production"}
