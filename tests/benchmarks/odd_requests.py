"""Requests as clients send them, and as nobody should: odd headers, spoilt members, bytes gone wrong."""

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
DEEP = 20_000


class Sent(NamedTuple):
    """A request, and what it asks: None where it is not as its document says any more."""

    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes = b""
    asked: Document | None = None

    @property
    def message(self) -> bytes:
        """The bytes that are sent."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        if self.body or self.method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + self.body


class OddRequests:
    """Makes requests out of documents; ``keys`` are shown, and ``deletable`` are SIDs that a mutation may name."""

    def __init__(self, random: Random, keys: Sequence[str], deletable: Sequence[str]) -> None:
        self._random, self._keys, self._deletable = random, keys, deletable

    def plain(self, document: Document) -> Sent:
        """What asks the document, as a well-meaning client does: by POST or GET, in either media type."""
        members = {"query": document.text, "operationName": document.operation_name, "variables": document.variables}
        return self._sent(members, document)

    def mutation(self) -> Sent:
        """A deletion, of what is there or isn't."""
        query = "mutation ($sid: ID!, $id: String) { deleteInteraction(input: {sid: $sid, clientMutationId: $id}) "
        query += "{ clientMutationId deletedInteractionId remainingResources { sid } userErrors { code message } } }"
        variables = {"sid": self._pick(self._deletable), "id": self._pick((None, "x"))}
        return self._sent({"query": query, "variables": variables}, None)

    def with_odd_headers(self, sent: Sent) -> Sent:
        """The same request with headers that nobody understands, or that mean something else."""
        given = dict(sent.headers)
        if self._random.random() < 0.5:
            given["Accept"] = self._pick(ODD_ACCEPTS)
        for name in self._random.sample(sorted(ODD_HEADERS), 1 + int(self._random.random() * 3)):
            given[name] = self._pick(ODD_HEADERS[name])
        if self._random.random() < 0.2:
            given["X-" + "a" * int(self._random.random() * 3_000)] = "b" * int(self._random.random() * 20_000)
        more = ((self._pick(sorted(given)), "twice"),) if self._random.random() < 0.1 else ()
        return sent._replace(headers=(*given.items(), *more), asked=None)

    def elsewhere(self, sent: Sent) -> Sent:
        """The same request by another method, or to another path."""
        return sent._replace(method=self._pick(METHODS), target=self._pick(PATHS), asked=None)

    def with_odd_members(self, document: Document) -> Sent:
        """A request with members of other kinds, more of them, or none."""
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
                b'{"query": "{ __typename }", "variables": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}"
            )
        return self._sent(members, None)

    def with_odd_bytes(self, sent: Sent) -> Sent:
        """The same request with bytes of its body, or of its query string, changed, lost or added."""
        if sent.body:
            return sent._replace(body=self._spoilt(sent.body), asked=None)
        path, _, query = sent.target.partition("?")
        spoilt = self._spoilt(query.encode()).decode("latin-1")
        return sent._replace(target=f"{path}?{quote(spoilt, safe='%=&+?/:')}", asked=None)

    def no_http(self, sent: Sent) -> bytes:
        """Bytes that are no HTTP any more, or only just."""
        return self._spoilt(sent.message)

    def _spoilt(self, given: bytes) -> bytes:
        spoilt = bytearray(given)
        for _ in range(1 + int(self._random.random() * 4)):
            at = int(self._random.random() * (len(spoilt) + 1))
            match int(self._random.random() * 5):
                case 0:
                    spoilt[at : at + 1] = bytes([int(self._random.random() * 256)])
                case 1:
                    del spoilt[at : at + 1 + int(self._random.random() * 20)]
                case 2:
                    spoilt[at:at] = self._pick(ODD_BYTES)
                case 3:
                    spoilt[at:at] = spoilt[at : at + int(self._random.random() * 200)]
                case _:
                    del spoilt[at:]
        return bytes(spoilt)

    def _sent(self, members: dict[str, Any], asked: Document | None) -> Sent:
        headers = self._headers()
        if self._random.random() < 0.7:
            return self._post(json.dumps(members).encode(), headers, asked)
        parameters = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in members.items()
            if value is not None
        }
        target = f"/graphql?{urlencode(parameters, errors='replace')}"
        return Sent(self._pick(("GET", "GET", "GET", "HEAD")), target, headers, b"", asked)

    def _post(self, body: bytes, headers: tuple[Header, ...] | None = None, asked: Document | None = None) -> Sent:
        return Sent("POST", "/graphql", (*(headers or self._headers()), ("Content-Type", JSON)), body, asked)

    def _headers(self) -> tuple[Header, ...]:
        key = (("Authorization", f"Bearer {self._pick(self._keys)}"),)
        return (("Host", "127.0.0.1"), ("Accept", self._pick(ACCEPTS)), *key)

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.random() * len(choices))]
