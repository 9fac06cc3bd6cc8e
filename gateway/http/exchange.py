"""An HTTP exchange: one request and its response, HTTP errors, and content negotiation."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import msgspec

from gateway.http.connection_control import ConnectionControl, connection_of
from gateway.http.operations import Operation
from resolvers.access import Access
from store.engine.interruptible import Interruptible, Watch

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]
Complete = Callable[[Mapping[bytes, bytes], Headers], Headers]
T = TypeVar("T")

UNWATCHED_SECONDS = 0.1
"""For this long, a request's client may disconnect unnoticed."""
JSON, EVENT_STREAM = b"application/json", b"text/event-stream"
COMMON_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
CLOSING = (b"connection", b"close")


class HttpError(Exception):
    """An error response: its status, message, headers and GraphQL error code."""

    def __init__(self, status: int, message: str, headers: Headers = (), code: str = "BAD_REQUEST") -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.code = code

    @property
    def body(self) -> bytes:
        """The error as JSON, in the shape of GraphQL errors."""
        return msgspec.json.encode({"errors": [{"message": str(self), "extensions": {"code": self.code}}]})


class Wait(Protocol):
    """Awaits a coroutine, perhaps with a condition to cancel it, such as ``Exchange.unless_disconnected``."""

    def __call__(self, running: Coroutine[Any, Any, T], /, is_short: bool = False) -> Awaitable[T]:
        """Returns the result of ``running``; ``is_short`` says that it usually takes less than a millisecond."""
        ...


def awaited(running: Coroutine[Any, Any, T], /, is_short: bool = False) -> Awaitable[T]:
    """Awaits ``running`` without any condition, and returns its result."""
    return running


class ClientGone(Exception):
    """The client closed its connection before the response was sent."""


WATCHES: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()
"""The watch over the requests of each event loop."""


def _watch() -> Watch:
    loop = asyncio.get_running_loop()
    watch = WATCHES.get(loop)
    if watch is None:
        watch = WATCHES[loop] = Watch(UNWATCHED_SECONDS)
    return watch


class _UnlessDisconnected(Interruptible[T]):
    """Interrupts ``running`` when the client disconnects. Only once this is due does it begin to watch for that."""

    __slots__ = ("_disconnected", "_watching", "due")

    def __init__(self, running: Coroutine[Any, Any, T], disconnected: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__(running)
        self.due = time.monotonic() + UNWATCHED_SECONDS
        self._disconnected = disconnected
        self._watching: asyncio.Task[None] | None = None

    def expire(self) -> None:
        """Begins to wait for the disconnect."""
        self._watching = asyncio.create_task(self._disconnected())
        self._watching.add_done_callback(self._end_if_gone)

    def end(self) -> None:
        """Stops waiting for it."""
        if self._watching:
            self._watching.cancel()

    def _end_if_gone(self, watching: "asyncio.Task[None]") -> None:
        if not watching.cancelled():
            self.interrupt()


class Exchange:
    """One request and its response, with the facts that the logs and traces report about them.

    ``headers`` maps the request's header names to values; values of a repeated name are joined by commas. ``complete``
    adds the headers that every response has.
    """

    status = 0
    access: Access | None = None
    operation: Operation | None = None

    def __init__(self, scope: Scope, receive: Receive, send: Send, complete: Complete, is_last: bool = False) -> None:
        """``is_last`` closes the connection after this response."""
        self.begun = time.perf_counter()
        self.scope, self._receive, self._send, self._complete = scope, receive, send, complete
        self.is_last = is_last
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Mapping[bytes, bytes] = by_name(scope["headers"])

    @property
    def connection(self) -> ConnectionControl:
        """What its connection does beyond ASGI."""
        return connection_of(self.scope)

    def header(self, name: bytes) -> bytes:
        """The value of a request header, or an empty value if the request does not have it."""
        return self.headers.get(name, b"")

    async def body(self, limit: int) -> bytes:
        """Reads the whole request body; raises HttpError 413 if it, or its Content-Length, is over ``limit`` bytes."""
        announced = self.headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced[:20]) > limit:
            raise _too_large(limit, f"this one has {int(announced[:20]):,}")
        message = await self._receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body") and len(body) <= limit:
            message = await self._receive()
            body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise HttpError(408, "Expected a whole body, but the connection was closed before.", code="LIMIT_EXCEEDED")
        if len(body) > limit:
            raise _too_large(limit, "this one is longer")
        return body

    def unless_disconnected(self, running: Coroutine[Any, Any, T], /, is_short: bool = False) -> Awaitable[T]:
        """Returns the result of ``running``; if the client disconnects first, cancels it and raises ClientGone.

        Call it only after the body is read: ASGI reports the disconnect through the same ``receive``. It is only looked
        for after ``UNWATCHED_SECONDS``, since a task that looks takes longer than a short read. Even to plan this takes
        1.5 us, a fiftieth of a point read on PostgreSQL. So a short one is left to the server, which cancels the whole
        request: call it only if that may be cancelled from then on.
        """
        if not is_short:
            return self._unless_disconnected(running)
        self.connection.allow_cancellation()
        return running

    async def _unless_disconnected(self, running: Coroutine[Any, Any, T]) -> T:
        watched, watch = _UnlessDisconnected(running, self.disconnected), _watch()
        watch.add(watched)
        try:
            return await watched
        except asyncio.CancelledError:
            if watched.is_interrupted:
                raise ClientGone from None
            raise
        finally:
            watch.discard(watched)
            watched.end()

    async def respond(
        self, status: int, media_type: bytes | None, body: bytes, headers: Headers = COMMON_HEADERS
    ) -> None:
        """Sends the response; without a media type, or with status 304, it has no body."""
        self.status = status
        fields = [*self._complete(self.headers, headers)]
        if media_type is not None and status != 304:
            fields += (b"content-type", media_type), (b"content-length", b"%d" % len(body))
        if self.is_last:
            fields.append(CLOSING)
        await self._send({"type": "http.response.start", "status": status, "headers": fields})
        await self._send({"type": "http.response.body", "body": body})

    async def begin_stream(self, media_type: bytes, body: bytes, headers: Headers) -> None:
        """Sends the head of a response without an end that is known, and the first part of its body."""
        self.status = 200
        fields = [(b"content-type", media_type), *self._complete(self.headers, headers)]
        await self._send({"type": "http.response.start", "status": 200, "headers": fields})
        await self.send_part(body)

    async def send_part(self, body: bytes, is_last: bool = False) -> None:
        """Sends a part of a stream's body; waits while the client reads too slowly."""
        await self._send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def disconnected(self) -> None:
        """Waits until the client disconnects. Call it only after the body is read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def refuse(self, error: HttpError) -> None:
        """Sends the error as JSON, in the shape of GraphQL errors."""
        await self.respond(error.status, JSON, error.body, (*COMMON_HEADERS, *error.headers))


def preferred(accept: bytes, offered: tuple[bytes, ...]) -> bytes | None:
    """The media type of ``offered`` with the highest weight in ``accept`` (RFC 9110 §12.5.1); None if it allows none.

    Among types that it names with equal weights, the first one offered wins. If only a wildcard matches, the last one
    offered is the default.
    """
    return (_remembered if len(accept) <= LONGEST_REMEMBERED else _preferred)(accept, offered)


def _preferred(accept: bytes, offered: tuple[bytes, ...]) -> bytes | None:
    weights: dict[bytes, float] = {}
    for item in (accept.strip() or b"*/*").lower().split(b","):
        name, *parameters = (part.strip() for part in item.split(b";"))
        weights[name] = next((_quality(part[2:]) for part in parameters if part.startswith(b"q=")), 1.0)

    def rank(index: int) -> tuple[float, bool, int]:
        name = offered[index]
        if name in weights:
            return weights[name], True, -index
        return weights.get(name.split(b"/")[0] + b"/*", weights.get(b"*/*", 0.0)), False, index

    best = max(range(len(offered)), key=rank)
    return offered[best] if rank(best)[0] > 0 else None


_remembered = lru_cache(1_000)(_preferred)
LONGEST_REMEMBERED = 1_000
"""Longer Accept headers are parsed each time, to bound the cache; those of browsers have 200 bytes."""


def by_name(pairs: Collection[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Maps header names to values; values of a repeated name are joined by commas."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found = {}
    for name, value in pairs:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def _too_large(limit: int, finding: str) -> HttpError:
    return HttpError(413, f"Expected a body of up to {limit:,} bytes, but {finding}.", code="LIMIT_EXCEEDED")


def _quality(text: bytes) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return min(weight, 1.0) if weight > 0 else 0.0  # NaN fails the comparison.
