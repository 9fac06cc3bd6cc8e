"""What the ASGI scopes of one connection's requests have in common.

See https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope.
"""

import asyncio

from gateway.http.connection_control import CONNECTION
from gateway.http.exchange import Scope
from gateway.transport.control import Control

ASGI = {"version": "3.0", "spec_version": "2.3"}


def common_scope(transport: asyncio.Transport, control: Control) -> Scope:
    """The entries that are the same for each request of a connection."""
    return {
        "type": "http",
        "asgi": ASGI,
        "scheme": "http",
        "root_path": "",
        "server": _address(transport, "sockname"),
        "client": _address(transport, "peername"),
        "extensions": {CONNECTION: control},
    }


def _address(transport: asyncio.Transport, name: str) -> tuple[str, int] | None:
    address = transport.get_extra_info(name)
    return (str(address[0]), int(address[1])) if isinstance(address, tuple) else None
