"""graphql-transport-ws: many operations over one WebSocket, by Strawberry's handler of the protocol.

The protocol is https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Browsers can't set the headers of a
WebSocket, so connection_init can have the key: ``{"Authorization": "Bearer pgk_…"}``.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import msgspec
import orjson
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types.unset import UNSET

from gateway.auth.authentication import Authenticator, Lease
from gateway.endpoint.persisted import DocumentRefused, PersistedDocuments
from gateway.endpoint.requests import RequestParameters
from gateway.endpoint.results import Request
from gateway.http.callers import Caller, caller_of
from gateway.http.exchange import Exchange, HttpError, Receive, Send
from gateway.http.operations import Operation as LoggedOperation
from gateway.http.rate_limit import Rates
from gateway.subscriptions.open_streams import Ending, OpenStream, OpenStreams
from gateway.subscriptions.responses import RequestErrors, Responses
from gateway.subscriptions.socket import Socket
from resolvers.access import ANYBODY, Access
from resolvers.errors import masked

SUBPROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 5.0
"""How long a client may take to send connection_init."""
TRY_AGAIN_LATER = 1013
WITH_PAYLOAD = ("connection_init", "ping", "pong")
"""Messages whose payload is an object, null or absent, as the protocol's own implementation has it."""

LogOperation = Callable[[Exchange, Access, LoggedOperation], None]


class WebSockets:
    """Serves WebSockets with the subprotocol graphql-transport-ws."""

    def __init__(
        self,
        responses: Responses,
        authenticator: Authenticator,
        streams: OpenStreams,
        documents: PersistedDocuments,
        rates: Rates,
        longest: int,
        log: LogOperation,
    ) -> None:
        """``longest`` is the most characters of a message; ``log`` gets each operation that ended."""
        self.responses, self.authenticator, self._streams = responses, authenticator, streams
        self.documents, self.rates, self._longest, self.log = documents, rates, longest, log

    async def __call__(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        """Serves one WebSocket whose handshake is ``exchange``.

        Raises HttpError before it is accepted: 400 for another subprotocol, 401 for a wrong key. If the server is
        stopping, or there are too many, it is accepted and closed, since graphql-ws tries again only after a close.
        """
        if SUBPROTOCOL not in exchange.scope["subprotocols"]:
            raise HttpError(400, f"Expected the subprotocol {SUBPROTOCOL}, but the client offers only others.")
        lease = None
        if exchange.header(b"authorization") or not self.authenticator.key_required:
            lease = await self.authenticator.lease(exchange.scope, exchange.headers)
            exchange.access = lease.access
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": []})
        exchange.status = 101
        socket = Socket(receive, send, self._longest)
        try:
            with self._streams.open(lease) as stream:
                await self._serve(exchange, socket, stream)
        except HttpError as error:
            code = Ending.RESTART.code if self._streams.is_draining else TRY_AGAIN_LATER
            await socket.close(code, str(error))

    async def _serve(self, exchange: Exchange, socket: Socket, stream: OpenStream) -> None:
        closing = asyncio.create_task(_close_at_end(socket, stream))
        try:
            await Handler(self, exchange, socket, stream).handle()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not socket.is_closed or task.uncancel():
                raise
        finally:
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)


async def _close_at_end(socket: Socket, stream: OpenStream) -> None:
    ending: Ending = await stream.ending
    await socket.close(ending.code, ending.reason)


class Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """Strawberry's handler; it runs operations by ``run_operation`` and knows callers by ``on_ws_connect``."""

    def __init__(self, server: WebSockets, exchange: Exchange, socket: Socket, stream: OpenStream) -> None:
        # Strawberry calls on_ws_connect of its view, which this object has.
        own = cast("Any", self)
        super().__init__(own, cast("Any", socket), socket, None, own, timedelta(seconds=INIT_SECONDS))
        self._server, self._exchange, self._socket, self._stream = server, exchange, socket, stream

    async def handle_message(self, message: Any) -> None:
        """Checks the message's shape, and finds a persisted document, before Strawberry handles it."""
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            await self.handle_invalid_message("Expected an object with a type.")
        elif message["type"] in ("subscribe", "complete") and not isinstance(message.get("id"), str):
            await self.handle_invalid_message("Expected a message with an id.")
        elif message["type"] == "subscribe" and self.connection_acknowledged:
            await self._subscribe(message)
        elif message["type"] in WITH_PAYLOAD and not isinstance(message.get("payload") or {}, dict):
            await self.handle_invalid_message("Expected a payload that is an object, or none.")
        elif message["type"] in WITH_PAYLOAD and message.get("payload", ...) is None:
            await super().handle_message(cast("Any", {"type": message["type"]}))
        else:
            await super().handle_message(cast("Any", message))

    async def on_ws_connect(self, socket: Socket) -> Any:
        """Authenticates the client at connection_init, if its handshake had no key."""
        if self._stream.lease is None:
            params = {name.lower(): value for name, value in (socket.connection_params or {}).items()}
            credential = params.get("authorization")
            given = credential.encode("latin-1", "replace") if isinstance(credential, str) else b""
            try:
                lease = await self._server.authenticator.lease(self._exchange.scope, {b"authorization": given})
            except HttpError as error:
                if error.status in (401, 403):
                    raise ConnectionRejectionError from error
                await socket.close(TRY_AGAIN_LATER, str(error))
                raise ConnectionRejectionError from error
            self._stream.lease = lease
            self._exchange.access = lease.access
        return UNSET

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """Runs an operation, and sends its responses as they are: Strawberry's own would encode each once more."""
        lease = cast("Lease", self._stream.lease)
        caller = caller_of(self._exchange.scope, lease.access)
        request = Request(operation.query, operation.operation_name or None, cast("Any", operation.variables))
        log: list[LoggedOperation] = []
        next_begins = b'{"type":"next","id":%b,"payload":' % orjson.dumps(operation.id)
        last: dict[str, Any] = {"type": "complete", "id": operation.id}
        try:
            self._count(caller, lease.access)
            connection = self._exchange.connection
            async with self._server.responses.opened(request, lease.access, caller.name, log, connection) as responses:
                async for response in responses:
                    await self._socket.send(b"%b%b}" % (next_begins, response))
        except RequestErrors as refused:
            last = _error(operation.id, refused.errors)
        except HttpError as error:
            last = _error(operation.id, _shown(str(error), error.code))
        except Exception as error:
            last = _error(operation.id, _shown(masked(error, "an operation"), "INTERNAL_SERVER_ERROR"))
        finally:
            if log:
                self._server.log(self._exchange, lease.access, log[0])
        await operation.send_operation_message(cast("Any", last))

    async def _subscribe(self, message: dict[str, Any]) -> None:
        try:
            sent = msgspec.convert(message.get("payload"), RequestParameters)
            query = self._server.documents.text_of(sent)
        except msgspec.ValidationError as error:
            await self.handle_invalid_message(f"Expected a payload with query: {error}.")
        except (DocumentRefused, HttpError) as error:
            await self.send_message(cast("Any", _error(message["id"], _shown(str(error), error.code))))
        else:
            payload = {"query": query, "variables": sent.variables, "operationName": sent.operation_name}
            await super().handle_message(cast("Any", {**message, "payload": payload}))

    def _count(self, caller: Caller, access: Access) -> None:
        if access is not ANYBODY or self._server.rates.counts_anybody:
            self._server.rates.count(caller)


def _error(id: str, errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "error", "id": id, "payload": errors}


def _shown(text: str, code: str) -> list[dict[str, Any]]:
    return [{"message": text, "extensions": {"code": code}}]
