"""Decides whether a request comes from this machine; a server without keys answers only those.

Behind a reverse proxy the connection's address is the proxy's, so the headers that proxies add are checked too. An
address that can't be parsed (``unknown``, an obfuscated name, nothing) counts as another machine's.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

SINGLE_CLIENT_HEADERS = (b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip", b"fastly-client-ip")
CLIENT_HEADERS = (b"x-forwarded-for", b"x-original-forwarded-for", *SINGLE_CLIENT_HEADERS)
PROXY_HEADERS_WITHOUT_CLIENT = (b"via", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-server")
"""Headers of proxies that name no client. If there are no others, the client is unknown."""
PROXY_HEADERS = frozenset((*CLIENT_HEADERS, *PROXY_HEADERS_WITHOUT_CLIENT, b"forwarded"))
MAX_ADDRESS_LENGTH = 64


def is_local(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client of the request with this scope and these headers is on this machine, as far as headers say."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])):
        return False
    if PROXY_HEADERS.isdisjoint(headers):
        return True
    clients = list(_forwarded_clients(headers))
    if not clients:
        return not any(name in headers for name in PROXY_HEADERS_WITHOUT_CLIENT)
    return all(map(is_loopback, clients))


def is_loopback(text: str) -> bool:
    """Whether ``text`` is an address of the loopback, perhaps with a port: 127.0.0.1, 127.0.0.1:80, ::1, [::1]:80."""
    return len(text) <= MAX_ADDRESS_LENGTH and _is_loopback(text)


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


def _forwarded_clients(headers: Mapping[bytes, bytes]) -> Iterator[str]:
    """The clients that proxies name: in Forwarded (RFC 7239), and in the headers that preceded it."""
    for name in CLIENT_HEADERS:
        if name in headers:
            for each in headers[name].split(b","):
                yield each.decode("latin-1")
    if b"forwarded" in headers:
        for element in headers[b"forwarded"].decode("latin-1").split(","):
            pairs = [pair.partition("=") for pair in element.split(";")]
            named = [value.strip().strip('"') for name, _, value in pairs if name.strip().lower() == "for"]
            yield named[0] if named else "unknown"
