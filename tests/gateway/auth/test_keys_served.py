"""Keys and the ledger beside a running server, by the commands as a person runs them."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from running_commands import run, running

SIDS = "{ interactions(first: 1) { nodes { sid } } }"


class Served(NamedTuple):
    """A server that requires keys, and its database."""

    address: str
    database: str

    def key(self, name: str, scope: str) -> str:
        return run("keys", "create", name, "--scope", scope, "--database", self.database).stdout.strip()

    def ask(self, query: str, key: str) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        request = urllib.request.Request(f"{self.address}/graphql", json.dumps({"query": query}).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def status(self, key: str) -> int:
        try:
            self.ask("{ __typename }", key)
        except urllib.error.HTTPError as error:
            return error.code
        return 200


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    database = str(tmp_path / "archive.db")
    run("seed", "--database", database, "--services", "1", "--sessions", "1", "--interactions", "2")
    with running("serve", "--database", database, PROXYGRAPH_REQUIRE_KEY="true") as address:
        yield Served(address, database)


def test_a_running_server_picks_up_created_and_revoked_keys(served: Served) -> None:
    kept, revoked = served.key("kept", "read"), served.key("revoked", "read")
    assert run("keys", "revoke", "revoked", "--database", served.database).returncode == 0
    assert (served.status(kept), served.status(revoked)) == (200, 401)


def test_a_server_on_a_public_address_starts_with_a_key_and_requires_one(tmp_path: Path) -> None:
    database = str(tmp_path / "archive.db")
    key = run("keys", "create", "console", "--scope", "read", "--database", database).stdout.strip()
    with running("serve", "--host", "0.0.0.0", "--database", database) as address:
        served = Served(address, database)
        assert (served.status(key), served.status("pgk_nobody")) == (200, 401)


def test_the_ledger_lists_a_deletion_under_the_keys_name(served: Served) -> None:
    empty = run("ledger", "--database", served.database)
    assert (empty.returncode, empty.stdout) == (0, "Nothing was deleted yet.\n")
    key = served.key("erasure-desk", "delete")
    sid = served.ask(SIDS, key)["data"]["interactions"]["nodes"][0]["sid"]
    served.ask(f'mutation {{ deleteInteraction(input: {{sid: "{sid}"}}) {{ deletedInteractionId }} }}', key)
    table = run("ledger", "--database", served.database, COLUMNS="200").stdout.splitlines()
    assert len(table) == 2
    assert sid in table[1]
    assert "closed" in table[1].split()
    (entry,) = json.loads(run("ledger", "--json", "--database", served.database).stdout)
    assert (entry["sid"], entry["requested_by"]) == (sid, "erasure-desk")
    assert entry["intended_at"] <= entry["erased_at"] <= entry["closed_at"]
