"""HTTP caching of GET: weak entity tags, If-None-Match, and cache headers.

A tag hashes everything that a response depends on: the request, its document, the code, the key's scopes, and the
archive's version mark, which every write changes. It is weak because compression changes the bytes
(https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.1).
"""

import hashlib
from pathlib import Path

from gateway.endpoint.results import Result
from gateway.http.exchange import COMMON_HEADERS, Exchange, Headers

UNCACHEABLE_FIELDS = frozenset({"syncStatus"})
"""Root fields whose answer changes without a write."""
VARYING = (b"accept", b"graphql-cost")
"""Request headers that change the response body."""
VARY = b"Accept, Accept-Encoding, Authorization, GraphQL-Cost"

ROOT = Path(__file__).parents[2]
ROOMS = ("store", "resolvers", "schema", "gateway")


def code_of(root: Path) -> bytes:
    """A digest of the code, SQL and schema in the folder ``root``, so that new code invalidates cached responses."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for file in sorted((root / room).rglob("*")):
            if file.suffix in (".py", ".sql", ".graphql"):
                digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.digest()


CODE = code_of(ROOT)


def tag_of(exchange: Exchange, text: str, fingerprint: bytes, mark: str) -> bytes:
    """The entity tag of a GET of the document ``text``, for a scope fingerprint and a version mark of the archive."""
    digest = hashlib.blake2b(CODE, digest_size=16)
    parts = (
        exchange.scope["query_string"],
        text.encode(),
        fingerprint,
        mark.encode(),
        *(exchange.header(name) for name in VARYING),
    )
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return b'W/"%s"' % digest.hexdigest().encode()


def is_current(exchange: Exchange, tag: bytes) -> bool:
    """Whether If-None-Match has the tag, by weak comparison (RFC 9110 §13.1.2)."""
    known = exchange.header(b"if-none-match")
    return bool(known) and tag[2:] in {each.strip().removeprefix(b"W/") for each in known.split(b",")}


def is_cacheable(result: Result) -> bool:
    """Whether the result stays valid until the next write."""
    return "errors" not in result.response and UNCACHEABLE_FIELDS.isdisjoint(result.root_fields)


def cache_headers(tag: bytes) -> Headers:
    """The headers of a response that the client may store, but has to revalidate before each use."""
    (nosniff, _) = COMMON_HEADERS
    return (nosniff, (b"etag", tag), (b"cache-control", b"private, no-cache"), (b"vary", VARY))
