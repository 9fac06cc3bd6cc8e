"""Who asks: a key, or an address where no key is asked for."""

from functools import lru_cache
from typing import NamedTuple

from gateway.http import Scope
from resolvers import access
from resolvers.access import ANYBODY, Access


class Caller(NamedTuple):
    """Whose request it is: a name to count requests by, and what its answers depend on beside the archive."""

    name: str
    has_key: bool = False
    sees: bytes = b""


def caller_of(scope: Scope, holder: Access) -> Caller:
    """The holder of a key by its name, or whoever asks without one by the address of the connection."""
    sees = _seen_by(holder.scopes)
    if holder is not ANYBODY:
        return Caller(holder.name, True, sees)
    client = scope.get("client")
    # No key's name has a space in it.
    return Caller(f"address {client[0] if client else 'unknown'}", False, sees)


@lru_cache
def _seen_by(scopes: frozenset[access.Scope]) -> bytes:
    return " ".join(sorted(scopes)).encode()
