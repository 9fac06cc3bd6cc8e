"""Clients that are typed by the schema, as their users write them, against a real server on loopback.

Each is an example in tests/clients. They need npm, or an environment of their own for Python, and a package registry
the first time; where these are missing they are skipped, but never where CI is set.
"""

import json
import sqlite3
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from checkout import ROOT
from npm import CLIENTS, done, installed, needs_npm
from running_commands import run, running

PYTHON = CLIENTS / "python"
BIN = CLIENTS / "node_modules" / ".bin"

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def interpreter() -> Path:
    environment = PYTHON / ".venv"
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--requirement", "requirements.txt"]
    installed(environment, PYTHON / "requirements.txt", [sys.executable, "-m", "venv", ".venv"], pip)
    return environment / "bin"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An archive with two Services, and a Session of twelve Interactions in each."""
    file = tmp_path / "clients.db"
    run("seed", "--database", str(file), "--services", "2", "--sessions", "2", "--interactions", "12")
    return file


@contextmanager
def served(database: Path, *settings: str) -> Iterator[list[str]]:
    """The arguments of the examples: the address of a server over the archive, and a Session in it."""
    with closing(sqlite3.connect(database)) as connection:
        ((session,),) = connection.execute("SELECT sid FROM session LIMIT 1").fetchall()
    with running("serve", "--database", str(database), *settings) as address:
        yield [f"{address}/graphql", session]


@contextmanager
def enforced(database: Path, manifest: Path) -> Iterator[list[str]]:
    """The same, of a server that runs only the manifest's documents."""
    with served(database, "--documents", str(manifest), "--documents-mode", "enforce") as live:
        assert refusal(live[0]) == "PERSISTED_QUERY_REQUIRED"
        yield live


def refusal(url: str) -> str:
    query = b'{"query": "{ services { totalCount } }"}'
    request = urllib.request.Request(url, query, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        (error,) = json.load(response)["errors"]
    code: str = error["extensions"]["code"]
    return code


@pytest.fixture
def live(database: Path) -> Iterator[list[str]]:
    with served(database) as live:
        yield live


@needs_npm
@pytest.mark.usefixtures("node_modules")
class TestJavaScript:
    def test_relays_persisted_documents_page_refetch_and_delete_by_its_directives(self, database: Path) -> None:
        done([str(BIN / "relay-compiler")], CLIENTS / "relay")
        with enforced(database, CLIENTS / "relay" / "documents.json") as live:
            done(["node", "run.js", *live], CLIENTS / "relay")

    def test_apollos_cache_is_right_after_a_deletion_without_a_refetch(self, live: list[str]) -> None:
        done(["node", "run.js", *live], CLIENTS / "apollo")

    def test_only_apollos_persisted_documents_are_run(self, database: Path) -> None:
        done([str(BIN / "generate-persisted-query-manifest")], CLIENTS / "apollo")
        with enforced(database, CLIENTS / "apollo" / "persisted-query-manifest.json") as live:
            done(["node", "persisted.js", *live], CLIENTS / "apollo")

    @pytest.mark.parametrize("method", ["POST", "GET"])
    def test_an_unmodified_apollo_client_sends_a_document_once(self, live: list[str], method: str) -> None:
        done(["node", "automatic.js", *live, method], CLIENTS / "apollo")

    def test_urqls_graphcache_is_right_after_a_deletion_without_a_refetch(self, live: list[str]) -> None:
        done(["node", "run.js", *live], CLIENTS / "urql")

    def test_generated_typescript_is_strict_and_uses_its_persisted_documents(self, database: Path) -> None:
        done([str(BIN / "graphql-codegen"), "--config", "codegen.json"], CLIENTS / "typescript")
        done([str(BIN / "tsc")], CLIENTS / "typescript")
        with enforced(database, CLIENTS / "typescript" / "src" / "gql" / "persisted-documents.json") as live:
            done(["node", "built/main.js", *live], CLIENTS / "typescript")

    def test_the_schema_passes_the_linters_rules(self) -> None:
        config = str(CLIENTS / "lint" / "eslint.config.js")
        done([str(BIN / "eslint"), "--config", config, "--max-warnings", "0", "schema/schema.graphql"], ROOT)

    @pytest.mark.parametrize(
        ("settings", "failing"),
        [((), ["86EE"]), (("--legacy-status",), [])],
        ids=["but the one that contradicts the draft", "with the older statuses"],
    )
    def test_all_audits_of_graphql_over_http_pass(
        self, database: Path, settings: tuple[str, ...], failing: list[str]
    ) -> None:
        """npm's graphql-http expects 400 if variables can't be coerced (86EE), but the draft of 2026 says 422."""
        with served(database, *settings) as (url, _):
            outcomes = json.loads(done(["node", "run.js", url], CLIENTS / "audits"))
        assert len(outcomes) == 61
        assert [audit for audit, outcome in outcomes.items() if outcome != "ok"] == failing


def test_ariadne_codegens_client_is_typed_and_runs(interpreter: Path, live: list[str]) -> None:
    done([str(interpreter / "ariadne-codegen")], PYTHON)
    done([str(interpreter / "mypy")], PYTHON)
    done([str(interpreter / "python"), "with_ariadne.py", *live], PYTHON)


def test_gql_validates_its_queries_against_the_served_schema(interpreter: Path, live: list[str]) -> None:
    done([str(interpreter / "python"), "with_gql.py", *live], PYTHON)
