"""Clients that are typed by the schema, as their users write them, live against a real server on loopback.

Each is an example in tests/clients. They need npm, or an environment of their own for Python, and a package registry
the first time; where these are missing they are skipped, but never where CI is set.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from test_commands import run, running

ROOT = Path(__file__).parent.parent
CLIENTS = ROOT / "tests" / "clients"
PYTHON = CLIENTS / "python"
BIN = CLIENTS / "node_modules" / ".bin"
NOT_IN_CI = os.environ.get("CI") is None

needs_npm = pytest.mark.skipif(
    NOT_IN_CI and not shutil.which("npm"), reason="npm is not here, which these clients need."
)
pytestmark = pytest.mark.clients


def installed(folder: Path, wanted: Path, *commands: list[str]) -> None:
    """Runs the commands that fill ``folder`` with what the file ``wanted`` lists, unless it was done already."""
    stamp = folder / "installed.sha256"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    with FileLock(f"{folder}.lock", timeout=600):
        if stamp.exists() and stamp.read_text("utf-8") == digest:
            return
        for command in commands:
            done(command, folder.parent)
        stamp.write_text(digest, "utf-8")


def done(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"


@pytest.fixture(scope="module")
def node_modules() -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed(CLIENTS / "node_modules", CLIENTS / "package-lock.json", command)


@pytest.fixture(scope="module")
def interpreter() -> Path:
    environment = PYTHON / ".venv"
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--requirement", "requirements.txt"]
    installed(environment, PYTHON / "requirements.txt", [sys.executable, "-m", "venv", ".venv"], pip)
    return environment / "bin"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[list[str]]:
    """The address of a server over two Services, and a Session of twelve Interactions that is there."""
    database = str(tmp_path / "clients.db")
    run("seed", "--database", database, "--services", "2", "--sessions", "2", "--interactions", "12")
    with running("serve", "--database", database) as address:
        query = b'{"query": "{ sessions(first: 1) { nodes { sid } } }"}'
        request = urllib.request.Request(f"{address}/graphql", query, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as response:
            (session,) = json.load(response)["data"]["sessions"]["nodes"]
        yield [f"{address}/graphql", session["sid"]]


@needs_npm
@pytest.mark.usefixtures("node_modules")
class TestJavaScript:
    def test_relay_pages_refetches_and_deletes_by_its_directives(self, live: list[str]) -> None:
        done([str(BIN / "relay-compiler")], CLIENTS / "relay")
        done(["node", "run.js", *live], CLIENTS / "relay")

    def test_apollos_cache_is_right_after_a_deletion_without_a_refetch(self, live: list[str]) -> None:
        done(["node", "run.js", *live], CLIENTS / "apollo")

    def test_urqls_graphcache_is_right_after_a_deletion_without_a_refetch(self, live: list[str]) -> None:
        done(["node", "run.js", *live], CLIENTS / "urql")

    def test_generated_typescript_is_strict_and_runs(self, live: list[str]) -> None:
        done([str(BIN / "graphql-codegen"), "--config", "codegen.json"], CLIENTS / "typescript")
        done([str(BIN / "tsc")], CLIENTS / "typescript")
        done(["node", "built/main.js", *live], CLIENTS / "typescript")

    def test_the_schema_passes_the_linters_rules(self) -> None:
        config = str(CLIENTS / "lint" / "eslint.config.js")
        done([str(BIN / "eslint"), "--config", config, "--max-warnings", "0", "schema/schema.graphql"], ROOT)


def test_ariadne_codegens_client_is_typed_and_runs(interpreter: Path, live: list[str]) -> None:
    done([str(interpreter / "ariadne-codegen")], PYTHON)
    done([str(interpreter / "mypy")], PYTHON)
    done([str(interpreter / "python"), "with_ariadne.py", *live], PYTHON)


def test_gql_checks_its_queries_against_the_schema_that_is_served(interpreter: Path, live: list[str]) -> None:
    done([str(interpreter / "python"), "with_gql.py", *live], PYTHON)
