"""Sends any bytes to a server and reads its answers."""

import socket
import struct
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import NamedTuple

from servers import HOST

TIMEOUT_SECONDS = 30
IDLE_SECONDS = 3
"""After more idle seconds the server may be about to close the connection: it waits 5."""


class Answer(NamedTuple):
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A connection that stays open while the server keeps it open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._used = 0.0

    def answer(self, method: str, message: bytes) -> Answer:
        """The response to ``message``. Raises OSError or HTTPException if there is none, or if it is no HTTP."""
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), TIMEOUT_SECONDS)
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
        """Closes the connection; the next request opens another one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def send_and_reset(port: int, message: bytes) -> None:
    """Sends the bytes and resets the connection without reading an answer."""
    with socket.create_connection((HOST, port), TIMEOUT_SECONDS) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(message)


def statuses(port: int, message: bytes) -> Iterator[int]:
    """The statuses of all responses to these bytes, after which the sending side is closed."""
    with socket.create_connection((HOST, port), TIMEOUT_SECONDS) as connection:
        received = b""
        try:
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65_536):
                received += more
        except (ConnectionResetError, BrokenPipeError):
            pass  # A server may close the connection of a client that sends no HTTP.
    for line in received.split(b"\r\n"):
        if line.startswith(b"HTTP/1.1 "):
            yield int(line[9:12])
