"""graphql-sse in its mode of distinct connections: each operation is a request, answered by a stream of events.

The protocol is https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. A stream that ends without the event
``complete`` was cut off: clients connect again. Strawberry's own transport encodes text for each subscriber anew, and
belongs to its view, which has none of this server's limits; here the encoded responses are shared.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson

from gateway.auth.authentication import Authenticator
from gateway.endpoint.persisted import DocumentRefused
from gateway.endpoint.results import Request
from gateway.http.callers import caller_of
from gateway.http.exchange import EVENT_STREAM, Exchange, Headers
from gateway.http.operations import Operation
from gateway.subscriptions.open_streams import Ending, OpenStreams
from gateway.subscriptions.responses import RequestErrors, Responses
from resolvers.access import Access

HEARTBEAT_SECONDS = 12.0
"""A comment goes out so often, since proxies close connections on which nothing comes."""
LAST_WORDS_SECONDS = 1.0
"""How long a stream's end, or a comment, may wait for a client that reads slowly."""

MEDIA_TYPE = EVENT_STREAM + b"; charset=utf-8"
HEADERS: Headers = (
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx passes each event on at once.
    (b"x-content-type-options", b"nosniff"),
)
COMMENT = b":\n\n"
NEXT, AFTER_NEXT = b"event: next\ndata: ", b"\n\n"
COMPLETE = b"event: complete\ndata: \n\n"


class EventStreams:
    """Responds with streams of events."""

    def __init__(self, responses: Responses, authenticator: Authenticator, streams: OpenStreams) -> None:
        self._responses, self._authenticator, self._streams = responses, authenticator, streams

    async def __call__(
        self, exchange: Exchange, request: Request | DocumentRefused, access: Access, headers: Headers
    ) -> None:
        """Responds to the request; a DocumentRefused has no document to run.

        Raises HttpError, before the response begins, if there are too many streams or the server is stopping.
        """
        lease = await self._authenticator.lease(exchange.scope, exchange.headers)
        caller = caller_of(exchange.scope, access).name
        log: list[Operation] = []
        headers = (*HEADERS, *headers)
        with self._streams.open(lease) as stream:
            try:
                if isinstance(request, DocumentRefused):
                    raise RequestErrors([{"message": str(request), "extensions": {"code": request.code}}])
                connection = exchange.connection
                connection.begin_stream()
                async with self._responses.opened(request, access, caller, log, connection) as responses:
                    await exchange.begin_stream(MEDIA_TYPE, COMMENT, headers)
                    await _deliver(exchange, responses, stream.ending)
            except RequestErrors as refused:
                await exchange.begin_stream(MEDIA_TYPE, COMMENT, headers)
                await _send_next(exchange, orjson.dumps({"errors": refused.errors}))
                await exchange.send_part(COMPLETE, is_last=True)
            finally:
                exchange.operation = log[0] if log else None


async def _deliver(exchange: Exchange, responses: AsyncIterator[bytes], ending: "asyncio.Future[Ending]") -> None:
    """Sends the responses until they end, the client disconnects, or the server has to end the stream."""
    sending = asyncio.create_task(_send_all(exchange, responses))
    gone = asyncio.create_task(exchange.disconnected())
    try:
        ways_to_end: set[asyncio.Future[Any]] = {sending, gone, ending}
        while not (await asyncio.wait(ways_to_end, timeout=HEARTBEAT_SECONDS, return_when="FIRST_COMPLETED"))[0]:
            await _send_at_once(exchange, COMMENT)
        if sending.done():
            await sending
        is_cut_off = ending.done() and not sending.done() and not gone.done()
    finally:
        for task in (sending, gone):
            task.cancel()
        await asyncio.gather(sending, gone, return_exceptions=True)
    if is_cut_off:
        await _send_at_once(exchange, b"", is_last=True)


async def _send_all(exchange: Exchange, responses: AsyncIterator[bytes]) -> None:
    async for response in responses:
        await _send_next(exchange, response)
    await exchange.send_part(COMPLETE, is_last=True)


async def _send_next(exchange: Exchange, response: bytes) -> None:
    await exchange.send_part(b"".join((NEXT, response, AFTER_NEXT)))


async def _send_at_once(exchange: Exchange, part: bytes, is_last: bool = False) -> None:
    """Sends a part unless the client reads too slowly for it; the connection then closes when it may."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            await exchange.send_part(part, is_last)
