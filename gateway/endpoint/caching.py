"""Answers to GET that a client may keep: their weak entity tags, and whether it has the answer already.

A tag is made of everything that an answer depends on: the request, the document it names, the code, what the key may
see, and the archive's mark, which every write moves. It is weak, for compression changes the bytes
(https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.1).
"""

import hashlib
from pathlib import Path

from gateway.endpoint.execution import Result
from gateway.http.exchange import COMMON_HEADERS, Exchange, Headers

OF_THE_MOMENT = frozenset({"syncStatus"})
"""Root fields whose answer changes though nothing was written."""
VARYING = (b"accept", b"graphql-cost")
"""Request headers that change the answer itself."""
VARY = b"Accept, Accept-Encoding, Authorization, GraphQL-Cost"

ROOT = Path(__file__).parents[2]
ROOMS = ("store", "resolvers", "schema", "gateway")


def code_of(root: Path) -> bytes:
    """A digest of the code, of its SQL and of the schema in the folder ``root``: another version answers otherwise."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for file in sorted((root / room).rglob("*")):
            if file.suffix in (".py", ".sql", ".graphql"):
                digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.digest()


CODE = code_of(ROOT)


def tag_of(exchange: Exchange, text: str, visible: bytes, mark: str) -> bytes:
    """The tag of the answer to a GET of the document ``text``, to a key that may see ``visible``, at ``mark``."""
    digest = hashlib.blake2b(CODE, digest_size=16)
    parts = (
        exchange.scope["query_string"],
        text.encode(),
        visible,
        mark.encode(),
        *(exchange.header(name) for name in VARYING),
    )
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return b'W/"%s"' % digest.hexdigest().encode()


def is_known(exchange: Exchange, tag: bytes) -> bool:
    """Whether If-None-Match names the tag, compared weakly (RFC 9110 §13.1.2)."""
    known = exchange.header(b"if-none-match")
    return bool(known) and tag[2:] in {each.strip().removeprefix(b"W/") for each in known.split(b",")}


def is_kept(result: Result) -> bool:
    """Whether the answer holds until something is written."""
    return "errors" not in result.response and OF_THE_MOMENT.isdisjoint(result.root_fields)


def cache_headers(tag: bytes) -> Headers:
    """The headers of an answer that its client may keep, and asks about before it uses it again."""
    (nosniff, _) = COMMON_HEADERS
    return (nosniff, (b"etag", tag), (b"cache-control", b"private, no-cache"), (b"vary", VARY))
