"""Whether a request comes from this machine itself: only then may a server without keys answer it.

The address of the connection is that of a proxy where one stands before the server, so what proxies add is looked at
too. An address that can't be read (``unknown``, an obfuscated name, nothing) is not this machine's.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

ONE_ADDRESS = (b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip", b"fastly-client-ip")
LISTS = (b"x-forwarded-for", b"x-original-forwarded-for", *ONE_ADDRESS)
SIGNS = (b"via", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-server")
"""Headers of proxies that name no client; with no other they leave open who it was."""
OF_PROXIES = frozenset((*LISTS, *SIGNS, b"forwarded"))
LONGEST_ADDRESS = 64


def is_local(scope: Mapping[str, Any], given: Mapping[bytes, bytes]) -> bool:
    """Whether the client of the request with this scope and these headers is on this machine, as far as is told."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])):
        return False
    if OF_PROXIES.isdisjoint(given):
        return True
    told = list(_told(given))
    if not told:
        return not any(name in given for name in SIGNS)
    return all(map(is_loopback, told))


def is_loopback(text: str) -> bool:
    """Whether ``text`` is an address of the loopback, perhaps with a port: 127.0.0.1, 127.0.0.1:80, ::1, [::1]:80."""
    return len(text) <= LONGEST_ADDRESS and _is_loopback(text)


@lru_cache(256)
def _is_loopback(text: str) -> bool:
    address = text.strip()
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def _told(given: Mapping[bytes, bytes]) -> Iterator[str]:
    """The clients that proxies name: in Forwarded (RFC 7239), and in the headers that were there before it."""
    for name in LISTS:
        if name in given:
            for each in given[name].split(b","):
                yield each.decode("latin-1")
    if b"forwarded" in given:
        for element in given[b"forwarded"].decode("latin-1").split(","):
            pairs = [pair.partition("=") for pair in element.split(";")]
            named = [value.strip().strip('"') for name, _, value in pairs if name.strip().lower() == "for"]
            yield named[0] if named else "unknown"
