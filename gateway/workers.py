"""Worker processes that share a port: each has its own listening socket (SO_REUSEPORT).

The system spreads connections over the sockets. With one socket for all, the process that is awake would
accept and keep all connections of a burst. The parent process keeps the sockets, and a worker that replaces another one
inherits its socket with the connections in its queue, so a restart loses none.
"""

import os
import socket

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

BACKLOG = 2_048


class PortTaken(Exception):
    """Listening on the address failed; the text is a sentence that says why."""


def listen(host: str, port: int, shared: bool = False) -> socket.socket:
    """Returns a listening socket; if ``shared``, other sockets can listen on the same port.

    Raises PortTaken if it fails.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        if shared:  # The first bind proved that the port is free, which a shared one would not.
            port = listener.getsockname()[1]
            listener.close()
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise PortTaken(f"Can't listen on {host}:{port}: {reason}. Choose another --host or --port.") from error
    listener.set_inheritable(True)
    return listener


class Workers(Multiprocess):
    """uvicorn's worker processes, each with its own socket; ``listener``, a shared one, is the first worker's."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        self._listeners = [listener]
        self._restarted: int | None = None
        super().__init__(config, [listener])

    @property
    def failed_to_start(self) -> bool:
        """Whether uvicorn stopped serving because a worker failed before it served."""
        return any(process.exitcode == STARTUP_FAILURE for process in self.processes)

    @property
    def sockets(self) -> list[socket.socket]:
        """The socket for the worker that uvicorn starts next: a new one, or that of the worker it replaces."""
        ended = [index for index, process in enumerate(self.processes) if process.exitcode is not None]
        index = ended[0] if ended else len(self.processes)
        if self._restarted is not None:
            index, self._restarted = self._restarted, self._restarted + 1
        while len(self._listeners) <= index:
            first = self._listeners[0]
            address = first.getsockname()[:2]
            self._listeners.append(socket.create_server(address, family=first.family, backlog=BACKLOG, reuse_port=True))
        return [self._listeners[index]]

    @sockets.setter
    def sockets(self, _: list[socket.socket]) -> None:
        """Ignores uvicorn's own value, the same sockets for all workers."""

    def restart_all(self) -> None:
        """Replaces the workers one by one, in their order."""
        self._restarted = 0
        try:
            super().restart_all()
        finally:
            self._restarted = None

    def handle_ttou(self) -> None:
        """Stops the last worker and closes its socket, so that it gets no more connections."""
        super().handle_ttou()
        while len(self._listeners) > len(self.processes):
            self._listeners.pop().close()
