"""The HTTP under everything: reading a body within bounds, choosing a media type, sending an answer."""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
READ_HEADERS = "proxygraph.headers"
COMMON_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


class HttpError(Exception):
    """An answer other than the one that was asked for: its status, its sentence, its headers, its code."""

    def __init__(self, status: int, message: str, headers: Headers = (), code: str = "BAD_REQUEST") -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.code = code

    @property
    def body(self) -> bytes:
        """The error in the shape that GraphQL's errors have."""
        return msgspec.json.encode({"errors": [{"message": str(self), "extensions": {"code": self.code}}]})


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The request's headers by name, several of a name joined by commas; read once for a request."""
    found: dict[bytes, bytes] | None = scope.get(READ_HEADERS)
    if found is None:
        found = scope[READ_HEADERS] = {}
        for name, value in scope["headers"]:
            found[name] = found[name] + b"," + value if name in found else value
    return found


def header(scope: Scope, name: bytes) -> bytes:
    """The value of a request header, several of a name joined by commas; empty where there is none."""
    return headers_of(scope).get(name, b"")


@lru_cache(1_000)
def preferred(accept: bytes, offered: tuple[bytes, ...]) -> bytes | None:
    """The media type of ``offered`` that the Accept header weighs most (RFC 9110 §12.5.1); None if it allows none.

    Of those with the same weight the first wins. The last is for who doesn't say: no header, or a wildcard.
    """
    weights: dict[bytes, float] = {}
    for item in (accept.strip() or b"*/*").lower().split(b","):
        name, *parameters = (part.strip() for part in item.split(b";"))
        weights[name] = next((_quality(part[2:]) for part in parameters if part.startswith(b"q=")), 1.0)
    usual = offered[-1]
    for wildcard in (usual.split(b"/")[0] + b"/*", b"*/*"):
        if wildcard in weights:
            weights.setdefault(usual, weights[wildcard])
    best = max(offered, key=lambda media_type: weights.get(media_type, 0.0))
    return best if weights.get(best, 0.0) > 0 else None


async def body_of(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The request's whole body; raises HttpError 413 past ``limit`` bytes, or where more are announced."""
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise _too_large(limit, f"this one has {int(announced[:20]):,}")
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= limit:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise HttpError(408, "Expected a whole body, but the connection was closed before.", code="LIMIT_EXCEEDED")
    if len(body) > limit:
        raise _too_large(limit, "this one is longer")
    return body


async def respond(
    send: Send, status: int, media_type: bytes | None, body: bytes, headers: Headers = COMMON_HEADERS
) -> None:
    """Sends a whole answer; one without a media type, and 304, have no body."""
    has_body = media_type and status != 304
    fixed = ((b"content-type", media_type), (b"content-length", b"%d" % len(body))) if has_body else ()
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})


async def respond_error(send: Send, error: HttpError, media_type: bytes = JSON) -> None:
    """Sends an error in the shape that GraphQL's errors have."""
    await respond(send, error.status, media_type, error.body, (*COMMON_HEADERS, *error.headers))


def _too_large(limit: int, finding: str) -> HttpError:
    return HttpError(413, f"Expected a body of up to {limit:,} bytes, but {finding}.", code="LIMIT_EXCEEDED")


def _quality(text: bytes) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
