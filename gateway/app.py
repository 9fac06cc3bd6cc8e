"""The ASGI application: GraphQL, two probes and the metrics, over one archive."""

import logging
from contextlib import AsyncExitStack
from pathlib import Path

from gateway import metrics
from gateway.graphql_http import graphql
from gateway.http import HttpError, Receive, Scope, Send, respond, respond_error
from store.archive import Archive, open_archive
from store.erasure import recover

PLAIN = b"text/plain; charset=utf-8"

log = logging.getLogger("proxygraph.gateway")


class Gateway:
    """Opens the archive when the server starts, finishes what a crash left half done, and answers requests."""

    def __init__(self, database: Path, look_for_damage: bool = True) -> None:
        self._look_for_damage = look_for_damage
        self._database = database
        self._archive: Archive | None = None
        self._stack = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI 3 interface (https://asgi.readthedocs.io/en/latest/specs/main.html)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            archive = await self._stack.enter_async_context(open_archive(self._database, self._look_for_damage))
            if finished := await recover(archive):
                log.info("Finished %d deletions that were cut off.", finished)
            self._archive = archive
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._archive = None
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except HttpError as error:
            await respond_error(send, error)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, archive = scope["path"], self._archive
        if path == "/graphql":
            if archive is None:
                raise HttpError(503, "The archive is not open yet, or not any more. Try again.")
            await graphql(archive, scope, receive, send)
            return
        if path not in ("/", "/livez", "/readyz", "/metrics"):
            raise HttpError(404, "There is nothing here. GraphQL is at /graphql.")
        if scope["method"] not in ("GET", "HEAD"):
            raise HttpError(405, f"Expected GET, but got {scope['method']}.", ((b"allow", b"GET, HEAD"),))
        if path == "/":
            await respond(send, 307, PLAIN, b"GraphQL is at /graphql.\n", ((b"location", b"/graphql"),))
        elif path == "/livez":
            await respond(send, 200, PLAIN, b"alive\n")
        elif path == "/metrics":
            await respond(send, 200, metrics.MEDIA_TYPE, metrics.exposition())
        elif await _reads(archive):
            await respond(send, 200, PLAIN, b"ready\n")
        else:
            await respond(send, 503, PLAIN, b"not ready: the archive can't be read\n")


async def _reads(archive: Archive | None) -> bool:
    if archive is None:
        return False
    try:
        await archive.fetch("SELECT data_version FROM archive")
    except Exception:
        log.exception("The archive can't be read.")
        return False
    return True
