"""Worker processes that share a port, each by a listening socket of its own (SO_REUSEPORT).

The system spreads connections over the sockets. Of one socket that all listened on, the process that is awake would
take all connections that come at once, and keep them. The sockets stay with the parent process, and a worker that takes
another's place gets that one's socket, with the connections that wait on it: none is lost in a restart.
"""

import os
import socket

import uvicorn
from uvicorn.supervisors import Multiprocess

BACKLOG = 2_048


class PortTaken(Exception):
    """The address can't be listened on; its text is a sentence."""


def listen(host: str, port: int, shared: bool = False) -> socket.socket:
    """A socket that listens there, and lets others listen too where it is ``shared``.

    Raises PortTaken with a sentence where it can't.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        if shared:  # Nobody else listens there: a shared one would not have been refused beside another's.
            port = listener.getsockname()[1]
            listener.close()
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise PortTaken(f"Can't listen on {host}:{port}: {reason}. Choose another --host or --port.") from error
    listener.set_inheritable(True)
    return listener


class Workers(Multiprocess):
    """uvicorn's worker processes, each with one of the sockets; ``listener``, which is shared, is the first."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        self._listeners = [listener]
        self._restarted: int | None = None
        super().__init__(config, [listener])

    @property
    def sockets(self) -> list[socket.socket]:
        """The socket of the worker that uvicorn is about to start: a new one's, or that of the one it replaces."""
        ended = [place for place, process in enumerate(self.processes) if process.exitcode is not None]
        place = ended[0] if ended else len(self.processes)
        if self._restarted is not None:
            place, self._restarted = self._restarted, self._restarted + 1
        while len(self._listeners) <= place:
            first = self._listeners[0]
            address = first.getsockname()[:2]
            self._listeners.append(socket.create_server(address, family=first.family, backlog=BACKLOG, reuse_port=True))
        return [self._listeners[place]]

    @sockets.setter
    def sockets(self, _: list[socket.socket]) -> None:
        """Uvicorn gives all workers the same ones."""

    def restart_all(self) -> None:
        """Replaces the workers one by one, in their order."""
        self._restarted = 0
        try:
            super().restart_all()
        finally:
            self._restarted = None

    def handle_ttou(self) -> None:
        """Ends the last worker; connections go to its socket no more."""
        super().handle_ttou()
        while len(self._listeners) > len(self.processes):
            self._listeners.pop().close()
