"""Bytes to a server and back: whatever is to be sent, and what comes."""

import socket
import struct
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import NamedTuple

from servers import HOST

PATIENCE = 30
KEPT_SECONDS = 3
"""A connection that was idle for longer may be about to be closed by the server, which waits 5."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A connection that is kept while the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._used = 0.0

    def answer(self, method: str, message: bytes) -> Answer:
        """What comes back. Raises OSError or HTTPException where nothing does, or nothing that is HTTP."""
        if time.monotonic() - self._used > KEPT_SECONDS:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        response = HTTPResponse(self._socket, method=method)
        try:
            self._socket.sendall(message)
            response.begin()
            body = response.read()
            kept, self._used = not response.will_close, time.monotonic()
        except BaseException:
            kept = False
            raise
        finally:
            response.close()
            if not kept:
                self.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def close(self) -> None:
        """Ends it; the next request opens another one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def give_up(port: int, message: bytes) -> None:
    """Sends the bytes and breaks the connection off, without looking at what comes."""
    with socket.create_connection((HOST, port), PATIENCE) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(message)


def statuses(port: int, message: bytes) -> Iterator[int]:
    """The statuses of whatever is answered to these bytes, after which nothing more comes."""
    with socket.create_connection((HOST, port), PATIENCE) as connection:
        came = b""
        try:
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65_536):
                came += more
        except (ConnectionResetError, BrokenPipeError):
            pass  # A server may hang up on who talks no HTTP.
    for line in came.split(b"\r\n"):
        if line.startswith(b"HTTP/1.1 "):
            yield int(line[9:12])
