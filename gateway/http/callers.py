"""Who asks: a key, or an address where no key is asked for."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

from gateway.http.exchange import Scope
from resolvers import access
from resolvers.access import ANYBODY, Access

UNKNOWN = "unknown"
LONGEST_ADDRESS = 100


class Caller(NamedTuple):
    """Whose request it is: a name to count requests by."""

    name: str
    has_key: bool = False


def caller_of(scope: Scope, holder: Access) -> Caller:
    """The holder of a key by its name, or whoever asks without one by the client's address."""
    if holder is not ANYBODY:
        return Caller(holder.name, True)
    # No key's name has a space in it.
    return Caller(f"address {client_of(scope)}")


def client_of(scope: Mapping[str, Any]) -> str:
    """The client's address, as text; of an IPv6 address the network of 64 bits, all of which one client has.

    A text that is no address, which a proxy may pass on as its client's, is ``unknown``.
    """
    client = scope.get("client")
    text = str(client[0]) if client else UNKNOWN
    return _network_of(text) if len(text) <= LONGEST_ADDRESS else UNKNOWN


@lru_cache(1_000)
def _network_of(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return text


@lru_cache
def seen_by(scopes: frozenset[access.Scope]) -> bytes:
    """What the answers to a holder of these scopes depend on beside the archive."""
    return " ".join(sorted(scopes)).encode()
