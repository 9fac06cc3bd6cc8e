"""Identifies the caller of a request: by its key's name or, without a key, by the client's address."""

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
    """The name that a request is counted under, and whether it is a key's."""

    name: str
    has_key: bool = False


def caller_of(scope: Scope, holder: Access) -> Caller:
    """The caller: the name of the key, or the client's address if the request has no key."""
    if holder is not ANYBODY:
        return Caller(holder.name, True)
    client = scope.get("client")
    text = str(client[0]) if client else UNKNOWN
    return _caller_at(text) if len(text) <= LONGEST_ADDRESS else _caller_at(UNKNOWN)


def client_of(scope: Mapping[str, Any]) -> str:
    """The client's address as text; an IPv6 address is reduced to its /64 network, which one client owns.

    Returns ``unknown`` for text that is not an address, which a proxy may send.
    """
    client = scope.get("client")
    text = str(client[0]) if client else UNKNOWN
    return _network_of(text) if len(text) <= LONGEST_ADDRESS else UNKNOWN


@lru_cache(1_000)
def _caller_at(text: str) -> Caller:
    return Caller(f"address {_network_of(text)}")  # No key's name has a space in it.


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
def scope_fingerprint(scopes: frozenset[access.Scope]) -> bytes:
    """The scopes as bytes for an entity tag, since the same query has other answers for other scopes."""
    return " ".join(sorted(scopes)).encode()
