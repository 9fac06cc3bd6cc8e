"""The connections that outlast a request: event streams and WebSockets. They end when their key does, or the server.

A key is checked when a connection opens. After that, all keys of open connections are looked up together, every
CHECK_SECONDS, so a revoked or expired one ends its subscriptions within that time and a second.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Enum

from gateway.auth.authentication import Authenticator, Lease
from gateway.background import RoundFailed
from gateway.http.exchange import HttpError
from gateway.subscriptions.limit import RETRY_AFTER, full
from store.errors import StoreError

CHECK_SECONDS = 2.0


class Ending(Enum):
    """Why the server ends a connection: the code and the reason with which it closes a WebSocket.

    1012 makes clients connect again, to a server that isn't stopping, and 1013 later (RFC 6455 §7.4.1 and IANA's
    registry).
    """

    RESTART = 1012, "The server restarts; connect again."
    NO_ACCESS = 4403, "Forbidden"
    FULL = 1013, "Expected connection_init sooner, since there are too many connections. Try again later."

    @property
    def code(self) -> int:
        """The code of the close frame."""
        return self.value[0]

    @property
    def reason(self) -> str:
        """The reason in the close frame."""
        return self.value[1]


class OpenStream:
    """An open connection. ``ending`` is done when the server has to end it; ``lease`` is None before its key is known.

    A future and a count, not a task, since there are thousands.
    """

    def __init__(self, lease: Lease | None) -> None:
        self.lease = lease
        self.ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(self, why: Ending) -> None:
        """Asks the connection to end."""
        if not self.ending.done():
            self.ending.set_result(why)


class OpenStreams:
    """The open connections of one process, up to ``most``.

    If there are too many, the oldest that has not yet said its key makes room. So connections that say nothing can't
    keep out those that have a key.
    """

    def __init__(self, authenticator: Authenticator, most: int) -> None:
        self._authenticator, self._most = authenticator, most
        self._open: set[OpenStream] = set()
        self._without_key: dict[OpenStream, None] = {}
        """Those that had no key when they opened, the oldest first."""
        self.is_draining = False

    @contextmanager
    def open(self, lease: Lease | None) -> Iterator[OpenStream]:
        """Adds a connection during the block; raises HttpError 503 if there are too many, or the server stops."""
        if self.is_draining:
            raise HttpError(503, "The server is about to stop. Connect again.", RETRY_AFTER, code="UNAVAILABLE")
        if len(self._open) >= self._most and not self._end_one_without_key():
            raise full(self._most, "connections at once")
        stream = OpenStream(lease)
        self._open.add(stream)
        if lease is None:
            self._without_key[stream] = None
        try:
            yield stream
        finally:
            self._open.discard(stream)
            self._without_key.pop(stream, None)
            stream.ending.cancel()

    def _end_one_without_key(self) -> bool:
        while self._without_key:
            stream = next(iter(self._without_key))
            del self._without_key[stream]
            if stream.lease is None:
                self._open.discard(stream)
                stream.end(Ending.FULL)
                return True
        return False

    async def check(self) -> float:
        """Ends the connections whose key or token isn't valid any more; returns the seconds to the next check.

        Raises RoundFailed, with as many seconds to the next check, if keys can't be looked up now. What has expired
        ends all the same.
        """
        leases = {stream.lease for stream in self._open if stream.lease}
        if leases:
            self._end(self._authenticator.expired(leases))
            try:
                self._end(await self._authenticator.ended(leases))
            except StoreError as error:
                sentence = f"The keys of open subscriptions could not be looked up. {error}"
                raise RoundFailed(sentence, CHECK_SECONDS) from error
        return CHECK_SECONDS

    def _end(self, leases: Collection[Lease]) -> None:
        if leases:
            for stream in tuple(self._open):
                if stream.lease in leases:
                    stream.end(Ending.NO_ACCESS)

    def drain(self) -> None:
        """Ends all connections, and refuses new ones."""
        self.is_draining = True
        for stream in tuple(self._open):
            stream.end(Ending.RESTART)
