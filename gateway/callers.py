"""Who asks: a key, or an address where no key is asked for."""

from typing import NamedTuple

from gateway.http import Scope


class Caller(NamedTuple):
    """Whose request it is: a name to count requests by, and what its answers depend on beside the archive."""

    name: str
    has_key: bool = False
    sees: bytes = b""


def stranger(scope: Scope) -> Caller:
    """Whoever asks without a key, by the address of the connection."""
    client = scope.get("client")
    return Caller(client[0] if client else "")
