"""A public server with its default settings has none of the faults that scanners look for.

The checks are those of graphql-cop (https://github.com/dolevf/graphql-cop), which is in no package registry, of
clairvoyance, and of wapiti's modules for headers, done here as they are documented; each says how grave its finding is.
README.md tells what the scanners themselves found.
"""

import json
import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from running_commands import run, running

SENT = {"Content-Type": "application/json"}
CIRCLE = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"


class Found(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def data(self) -> Any:
        """Its data, if it has any."""
        return self.json.get("data") if isinstance(self.json, dict) else None

    @property
    def errors(self) -> list[Any]:
        """Its errors."""
        return self.json.get("errors", []) if isinstance(self.json, dict) else []


class Target(NamedTuple):
    """A server that requires a key, and the headers to send."""

    address: str
    headers: dict[str, str]

    def ask(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> Found:
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=20)
        try:
            connection.request(method, path, body, {"Accept": "*/*"} | self.headers | headers)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Found(response.status, names, response.read().decode())
        finally:
            connection.close()

    def post(self, query: str, **members: Any) -> Found:
        return self.ask("POST", "/graphql", SENT, json.dumps({"query": query, **members}))

    def get(self, query: str, **headers: str) -> Found:
        return self.ask("GET", f"/graphql?{urlencode({'query': query})}", headers)


@pytest.fixture(scope="module", params=["true", "false"], ids=["planned", "ordinary"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server on all interfaces, and a key with all scopes."""
    database = str(tmp_path_factory.mktemp("scanned") / "archive.db")
    run("seed", "--database", database, "--services", "1", "--sessions", "2", "--interactions", "2")
    every = ("--scope", "read:content", "--scope", "delete")
    key = run("keys", "create", "scanner", *every, "--database", database).stdout.strip()
    with running("serve", "--host", "0.0.0.0", "--database", database, PROXYGRAPH_PLANS=request.param) as address:
        yield address, key


@pytest.fixture(params=[True, False], ids=["with a key", "without a key"])
def target(request: pytest.FixtureRequest, server: tuple[str, str]) -> Target:
    address, key = server
    return Target(address, {"Authorization": f"Bearer {key}"} if request.param else {})


CHECKS: dict[str, Callable[[Target], bool]] = {
    "alias overloading (high)": lambda target: bool(
        target.post("{" + " ".join(f"a{number}: __typename" for number in range(101)) + "}").data
    ),
    "array-based batching (high)": lambda target: isinstance(
        target.ask("POST", "/graphql", SENT, json.dumps([{"query": "{ __typename }"}] * 10)).json, list
    ),
    "directive overloading (high)": lambda target: len(target.post("{ __typename" + "@aa" * 10 + " }").errors) == 10,
    "repeatable directives (high)": lambda target: bool(
        target.post("{ __typename" + " @skip(if: false)" * 60 + "}").data
    ),
    "field duplication (high)": lambda target: bool(target.post("{" + " __typename" * 500 + " }").data),
    "circular introspection (high)": lambda target: bool(target.post(CIRCLE).data),
    "introspection (high)": lambda target: bool(target.post("{ __schema { types { name fields { name } } } }").data),
    "introspection of a type (high)": lambda target: bool(target.post('{ __type(name: "Query") { name } }').data),
    "mutation by GET (medium)": lambda target: bool(target.get("mutation { __typename }").data),
    "query by GET (medium)": lambda target: bool(target.get("{ __typename }").data),
    "query as a form (medium)": lambda target: bool(
        target.ask(
            "POST",
            "/graphql",
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode({"query": "{ __typename }"}),
        ).data
    ),
    "query as text (medium)": lambda target: bool(
        target.ask("POST", "/graphql", {"Content-Type": "text/plain"}, json.dumps({"query": "{ __typename }"})).data
    ),
    "field suggestions (low)": lambda target: "Did you mean" in target.post("{ __schema { directive } }").text,
    "argument suggestions (low)": lambda target: (
        "Did you mean" in target.post("{ services(frist: 1) { nodes { sid } } }").text
    ),
    "enum suggestions (low)": lambda target: (
        "Did you mean" in target.post("{ sessions(orderBy: DATE_CREATED_AS) { totalCount } }").text
    ),
    "type suggestions (low)": lambda target: (
        "Did you mean" in target.post("{ ...f } fragment f on Querry { __typename }").text
    ),
    "GraphiQL (low)": lambda target: bool(
        re.search("graphiql|playground", target.ask("GET", "/graphql", {"Accept": "text/html"}).text, re.IGNORECASE)
    ),
    "tracing (info)": lambda target: "tracing" in target.post("{ __typename }").text,
    "unhandled errors (info)": lambda target: bool(
        re.search("exception|traceback|stack", target.post("qwerty { abc }").text, re.IGNORECASE)
    ),
    "the server's name (info)": lambda target: bool(
        {"server", "x-powered-by"} & target.ask("GET", "/livez", {}).headers.keys()
    ),
}


def test_a_scanner_finds_nothing(target: Target) -> None:
    assert not [check for check, finds in CHECKS.items() if finds(target)]


def test_the_scanners_checks_find_known_faults(tmp_path: Path) -> None:
    """On loopback the schema and GraphiQL are shown, so the checks for them must report that."""
    database = str(tmp_path / "archive.db")
    with running("serve", "--database", database) as address:
        target = Target(address, {})
        found = {check for check, finds in CHECKS.items() if finds(target)}
    shown = {check for check in CHECKS if check.startswith(("introspection", "argument", "enum", "type", "GraphiQL"))}
    assert found == {"query by GET (medium)", "field suggestions (low)", *shown}


def test_without_a_key_a_response_reveals_only_that_there_is_a_server(server: tuple[str, str]) -> None:
    target = Target(server[0], {})
    for path in ("/graphql", "/metrics", "/graphql?query={__typename}"):
        found = target.ask("GET", path, {})
        assert (found.status, found.headers["www-authenticate"]) == (401, 'Bearer realm="proxygraph"')
    for path in (
        "/.git/config",
        "/.env",
        "/store/keys.py",
        "/graphiql/../store/keys.py",
        "/..%2fproxygraph.db",
        "/console",
    ):
        assert target.ask("GET", path, {}).status == 404


def test_every_response_has_the_headers_that_scanners_check(target: Target) -> None:
    for path in ("/graphql", "/livez", "/nothing", "/metrics", "/"):
        found = target.ask("GET", path, {})
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in found.headers["content-security-policy"]
        assert not {"set-cookie", "access-control-allow-origin", "server"} & found.headers.keys()
    assert target.ask("TRACE", "/graphql", {}).status == 405
