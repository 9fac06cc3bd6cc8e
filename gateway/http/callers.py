"""Who asks: a key, or an address where no key is asked for."""

from functools import lru_cache
from typing import NamedTuple

from gateway.http.exchange import Scope
from resolvers import access
from resolvers.access import ANYBODY, Access


class Caller(NamedTuple):
    """Whose request it is: a name to count requests by."""

    name: str
    has_key: bool = False


def caller_of(scope: Scope, holder: Access) -> Caller:
    """The holder of a key by its name, or whoever asks without one by the address of the connection."""
    if holder is not ANYBODY:
        return Caller(holder.name, True)
    client = scope.get("client")
    # No key's name has a space in it.
    return Caller(f"address {client[0] if client else 'unknown'}")


@lru_cache
def seen_by(scopes: frozenset[access.Scope]) -> bytes:
    """What the answers to a holder of these scopes depend on beside the archive."""
    return " ".join(sorted(scopes)).encode()
