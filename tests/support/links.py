"""A network between a gateway and a server of PostgreSQL that a test can cut: a TCP proxy on loopback."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import postgresql
from store.engine.database import Address

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST, as a router does that has forgotten a connection."""


class Link:
    """Forwards connections to the server at ``server_port``, as its network is just now."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.seconds = 0.0
        """How long each piece of data is under way, in either direction."""
        self.most_open = 0
        """The most connections of clients at once, since the test last set it to 0."""
        self._server_port = server_port
        self._whole = asyncio.Event()
        self._whole.set()
        self.clients: set[_End] = set()
        self.servers: set[_End] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def address(self, database: str, user: str = postgresql.USER) -> Address:
        """The address of a database by way of this link."""
        return Address(f"postgresql://{user}@127.0.0.1:{self.port}/{database}")

    def cut(self) -> None:
        """Forwards nothing from now on, and closes nothing: neither end is told. What is sent meanwhile is kept."""
        self._whole.clear()

    def mend(self) -> None:
        """Forwards again, also what was sent meanwhile."""
        self._whole.set()

    def reset(self) -> None:
        """Breaks all open connections at both ends."""
        for end in (*self.clients, *self.servers):
            end.reset()

    def end_at_server(self) -> None:
        """Breaks all connections at the server alone, as when its TCP gives clients up; these aren't told."""
        for end in self.servers:
            end.reset()

    def accept(self) -> "_End":
        """The protocol of a new connection of a client."""
        client = _End(self.clients)
        task = asyncio.create_task(self._joined(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return client

    async def close(self) -> None:
        """Ends all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _joined(self, client: "_End") -> None:
        """Forwards one connection until an end of it is closed."""
        server = _End(self.servers)
        try:
            await client.is_open.wait()
            self.most_open = max(self.most_open, len(self.clients))
            await self._whole.wait()
            await asyncio.get_running_loop().create_connection(lambda: server, "127.0.0.1", self._server_port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(client, server))
                group.create_task(self._forward(server, client))
        except OSError:
            pass  # The server isn't there, and the client is told so.
        finally:
            client.reset()
            server.reset()

    async def _forward(self, source: "_End", target: "_End") -> None:
        while piece := await source.received.get():
            if self.seconds:
                await asyncio.sleep(self.seconds)
            await self._whole.wait()
            target.send(piece)
        await self._whole.wait()
        target.close()


class _End(asyncio.Protocol):
    """One end of a connection."""

    def __init__(self, all_open: "set[_End]") -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        """The pieces in their order; an empty one is the end."""
        self.is_open = asyncio.Event()
        self._all_open = all_open
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._all_open.add(self)
        self.is_open.set()

    def data_received(self, data: bytes) -> None:
        self.received.put_nowait(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._all_open.discard(self)
        self.received.put_nowait(b"")

    def send(self, piece: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(piece)

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def reset(self) -> None:
        if self._transport and not self._transport.is_closing():
            with suppress(OSError):  # It was just closed.
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()


@asynccontextmanager
async def link(server: postgresql.Cluster) -> AsyncIterator[Link]:
    """A link to the server, whole at first."""
    made = Link(server.port)
    listener = await asyncio.get_running_loop().create_server(made.accept, "127.0.0.1", 0)
    made.port = listener.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listener.close()
        await made.close()
