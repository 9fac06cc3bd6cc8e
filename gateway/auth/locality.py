"""Decides whether a request comes from this machine; a server without keys answers only those.

Behind a reverse proxy the connection's address is the proxy's, so the headers that proxies add are checked too. An
address that can't be parsed (``unknown``, an obfuscated name, nothing, half of one) counts as another machine's.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

CLIENT_HEADERS = (
    b"x-forwarded-for",
    b"x-original-forwarded-for",
    b"forwarded-for",
    b"x-real-ip",
    b"x-client-ip",
    b"client-ip",
    b"true-client-ip",
    b"x-cluster-client-ip",
    b"x-remote-ip",
    b"x-remote-addr",
    b"x-originating-ip",
    b"x-envoy-external-address",
    b"cf-connecting-ip",
    b"cf-connecting-ipv6",
    b"fastly-client-ip",
    b"fly-client-ip",
    b"do-connecting-ip",
    b"x-azure-clientip",
    b"x-azure-socketip",
    b"x-appengine-user-ip",
    b"x-nf-client-connection-ip",
    b"proxy-client-ip",
    b"wl-proxy-client-ip",
)
"""Headers in which proxies name the client, or a list of clients and proxies."""
FORWARDED_HEADERS = (b"forwarded", b"x-forwarded")
PROXY_HEADERS_WITHOUT_CLIENT = (b"via", b"cdn-loop", b"x-original-host")
"""Headers of proxies that name no client, like all others with "forwarded" in their name. If there are no others, the
client is unknown."""
PROXY_HEADERS = frozenset((*CLIENT_HEADERS, *FORWARDED_HEADERS, *PROXY_HEADERS_WITHOUT_CLIENT))
MAX_ADDRESS_LENGTH = 64

PORT = r"(?::[0-9]{1,5})?"
ADDRESS = re.compile(rf"\[([0-9A-Fa-f:.]+)\]{PORT}|([0-9.]+){PORT}|([0-9A-Fa-f:.]+)")
"""The address is in one of the three groups."""
PAIR = re.compile(r"""[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^\s",;]+)[ \t]*([,;]|\Z)""")
"""One parameter of Forwarded, its value, and what ends it (https://www.rfc-editor.org/rfc/rfc7239.html#section-4)."""


def is_local(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client of the request with this scope and these headers is on this machine, as far as headers say."""
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])):
        return False
    if PROXY_HEADERS.isdisjoint(headers) and b"forwarded" not in b" ".join(headers):
        return True
    clients = list(_forwarded_clients(headers))
    return bool(clients) and all(map(is_loopback, clients))


def is_loopback(text: str) -> bool:
    """Whether ``text`` is an address of the loopback, perhaps with a port: 127.0.0.1, 127.0.0.1:80, ::1, [::1]:80."""
    return len(text) <= MAX_ADDRESS_LENGTH and _is_loopback(text)


@lru_cache(256)
def _is_loopback(text: str) -> bool:
    found = ADDRESS.fullmatch(text.strip(" \t"))
    if found is None:
        return False
    try:
        address = ip_address(next(filter(None, found.groups())))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _forwarded_clients(headers: Mapping[bytes, bytes]) -> Iterator[str]:
    """The clients that proxies name: in Forwarded (RFC 7239), and in the headers that preceded it."""
    for name in CLIENT_HEADERS:
        if name in headers:
            for each in headers[name].split(b","):
                yield each.decode("latin-1")
    for name in FORWARDED_HEADERS:
        if name in headers:
            yield from _forwarded_for(headers[name].decode("latin-1"))


def _forwarded_for(text: str) -> Iterator[str]:
    """The clients that Forwarded names; ``unknown`` for an element that names none, and for what can't be parsed."""
    named: list[str] = []
    at = 0
    while pair := PAIR.match(text, at):
        name, value, end = pair.groups()
        at = pair.end()
        if name.lower() == "for":
            named.append(value[1:-1] if value.startswith('"') else value)
        if end != ";":
            yield from named or ("unknown",)
            named = []
        if not end:
            return
    yield "unknown"
