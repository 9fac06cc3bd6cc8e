"""Makes valid and invalid requests: with unusual headers, changed members, or changed bytes."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from documents import Document

T = TypeVar("T")
Header = tuple[str, str]

RESPONSE, JSON = "application/graphql-response+json", "application/json"
ACCEPTS = (RESPONSE, JSON, f"{RESPONSE}, {JSON};q=0.9", "*/*")
ODD_ACCEPTS = (
    "", "text/html", "text/csv", f"{JSON};q=0, */*", f"{RESPONSE};q=x", ",;=,", "*", "é", "a" * 3_000, "*/*;q=-1e400",
)  # fmt: skip
ODD_HEADERS: dict[str, Sequence[str]] = {
    "Accept-Encoding": ("gzip", "zstd, gzip;q=0.1", "br;q=nan", "*;q=0", ",,"),
    "Access-Control-Request-Method": ("POST", ""),
    "Authorization": ("Basic YTpi", "Bearer", "Bearer pgk_nobody", "Bearer a.b.c", "bearer \xff", ""),
    "Content-Encoding": ("gzip", "identity", "zstd"),
    "Content-Type": (
        "", "text/plain", "application/json; charset=latin-1", "multipart/form-data; boundary=x", "application/graphql",
        'application/json;charset="utf-8"', "application/x-www-form-urlencoded", f"{JSON};;=;charset", "\xff/\xfe",
    ),
    "Expect": ("100-continue", "something"),
    "GraphQL-Cost": ("report", "validate", "REPORT", "everything"),
    "Host": ("", "localhost", "evil.example.com:99999", "[::1", "\xff", "a" * 300),
    "If-None-Match": ("*", '"x"', "W/", ',,"', 'W/"' + "0" * 32 + '"'),
    "Origin": ("null", "https://evil.example.com", "http://[", "\xff"),
    "Sec-Fetch-Site": ("cross-site", "same-origin", "none", "x"),
    "Upgrade": ("websocket", "h2c"),
    "traceparent": ("00-" + "1" * 32 + "-" + "2" * 16 + "-01", "ff-0-0", "\xff"),
    "X-Forwarded-For": ("127.0.0.1", "' OR 1=1 --"),
}  # fmt: skip
METHODS = ("POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH")
PATHS = (
    "/graphql",
    "/graphql/",
    "/",
    "/livez",
    "/readyz",
    "/metrics",
    "/graphiql/../store",
    "/%2e%2e/%00",
    "//graphql",
)
ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**31, 2**63, 10**400, 1e308, "", "x", "\x00", "\ud800", "é" * 1_000, "%s%n{{7*7}}",
    "' OR 1=1 --", [], [[]], {}, {"": None}, ["x"] * 200, {"sid": "KI" + "0" * 32}, [None], "9" * 5_000,
)  # fmt: skip
ODD_BYTES = (
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b'"',
    b"{",
    b"}",
    b"[",
    b"\\",
    b"\\u",
    b"\r\n",
    b"9" * 400,
    b"e999",
    b"%",
)
DEPTH = 20_000


class HttpRequest(NamedTuple):
    """A request, and its document; None if the request no longer matches the document."""

    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes = b""
    document: Document | None = None

    @property
    def message(self) -> bytes:
        """The bytes that are sent."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        if self.body or self.method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + self.body


class OddRequests:
    """Makes requests from documents, with one of ``keys``; mutations delete one of the ``deletable`` SIDs."""

    def __init__(self, random: Random, keys: Sequence[str], deletable: Sequence[str]) -> None:
        self._random, self._keys, self._deletable = random, keys, deletable

    def valid_request(self, document: Document) -> HttpRequest:
        """A valid request with the document: by POST or GET, for either media type."""
        members = {"query": document.text, "operationName": document.operation_name, "variables": document.variables}
        return self._request(members, document)

    def mutation(self) -> HttpRequest:
        """A deletion of an interaction, which may not exist."""
        query = "mutation ($sid: ID!, $id: String) { deleteInteraction(input: {sid: $sid, clientMutationId: $id}) "
        query += "{ clientMutationId deletedInteractionId remainingResources { sid } userErrors { code message } } }"
        variables = {"sid": self._pick(self._deletable), "id": self._pick((None, "x"))}
        return self._request({"query": query, "variables": variables}, None)

    def with_odd_headers(self, request: HttpRequest) -> HttpRequest:
        """The same request with unusual, invalid or conflicting headers."""
        given = dict(request.headers)
        if self._random.random() < 0.5:
            given["Accept"] = self._pick(ODD_ACCEPTS)
        for name in self._random.sample(sorted(ODD_HEADERS), 1 + int(self._random.random() * 3)):
            given[name] = self._pick(ODD_HEADERS[name])
        if self._random.random() < 0.2:
            given["X-" + "a" * int(self._random.random() * 3_000)] = "b" * int(self._random.random() * 20_000)
        more = ((self._pick(sorted(given)), "twice"),) if self._random.random() < 0.1 else ()
        return request._replace(headers=(*given.items(), *more), document=None)

    def with_other_target(self, request: HttpRequest) -> HttpRequest:
        """The same request with another method and path."""
        return request._replace(method=self._pick(METHODS), target=self._pick(PATHS), document=None)

    def with_odd_members(self, document: Document) -> HttpRequest:
        """A request whose JSON members have wrong types, are missing, or are unexpected."""
        members: dict[str, Any] = {"query": document.text, "variables": dict(document.variables)}
        hashed = {"version": self._pick((1, 2, "1")), "sha256Hash": self._pick(("0" * 64, None, 7))}
        for _ in range(1 + int(self._random.random() * 2)):
            name = self._pick(("query", "variables", "operationName", "extensions", "documentId", "other"))
            members[name] = self._pick((*ODD_VALUES, {"persistedQuery": self._pick((hashed, 7, None))}))
        if document.variables and isinstance(members["variables"], dict):
            name = self._pick(sorted(document.variables))
            members["variables"] = {**members["variables"], name: self._pick(ODD_VALUES)}
        if self._random.random() < 0.05:
            return self._post(
                b'{"query": "{ __typename }", "variables": ' + b'{"a":' * DEPTH + b"1" + b"}" * DEPTH + b"}"
            )
        return self._request(members, None)

    def with_odd_bytes(self, request: HttpRequest) -> HttpRequest:
        """The same request with bytes of its body or query string changed, removed or added."""
        if request.body:
            return request._replace(body=self._mutated(request.body), document=None)
        path, _, query = request.target.partition("?")
        mutated = self._mutated(query.encode()).decode("latin-1")
        return request._replace(target=f"{path}?{quote(mutated, safe='%=&+?/:')}", document=None)

    def as_broken_http(self, request: HttpRequest) -> bytes:
        """The bytes of the request, changed, so that they may no longer be HTTP."""
        return self._mutated(request.message)

    def _mutated(self, given: bytes) -> bytes:
        mutated = bytearray(given)
        for _ in range(1 + int(self._random.random() * 4)):
            at = int(self._random.random() * (len(mutated) + 1))
            match int(self._random.random() * 5):
                case 0:
                    mutated[at : at + 1] = bytes([int(self._random.random() * 256)])
                case 1:
                    del mutated[at : at + 1 + int(self._random.random() * 20)]
                case 2:
                    mutated[at:at] = self._pick(ODD_BYTES)
                case 3:
                    mutated[at:at] = mutated[at : at + int(self._random.random() * 200)]
                case _:
                    del mutated[at:]
        return bytes(mutated)

    def _request(self, members: dict[str, Any], document: Document | None) -> HttpRequest:
        headers = self._headers()
        if self._random.random() < 0.7:
            return self._post(json.dumps(members).encode(), headers, document)
        parameters = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in members.items()
            if value is not None
        }
        target = f"/graphql?{urlencode(parameters, errors='replace')}"
        return HttpRequest(self._pick(("GET", "GET", "GET", "HEAD")), target, headers, b"", document)

    def _post(
        self, body: bytes, headers: tuple[Header, ...] | None = None, document: Document | None = None
    ) -> HttpRequest:
        return HttpRequest("POST", "/graphql", (*(headers or self._headers()), ("Content-Type", JSON)), body, document)

    def _headers(self) -> tuple[Header, ...]:
        key = (("Authorization", f"Bearer {self._pick(self._keys)}"),)
        return (("Host", "127.0.0.1"), ("Accept", self._pick(ACCEPTS)), *key)

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.random() * len(choices))]
