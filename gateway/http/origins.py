"""Host, Origin and CORS checks: which host names and origins may reach this server from a browser.

Any page can make its visitor's browser send requests to this machine. Without keys, only Host and Origin distinguish
them from the visitor's own requests: DNS rebinding shows in the Host, and a foreign page in the Origin. With keys, a
page needs a CORS preflight to send one, which only the configured origins pass (https://fetch.spec.whatwg.org).
"""

import re
from collections.abc import Iterable, Mapping

from gateway.http.exchange import EVENT_STREAM, JSON, Exchange, Headers, HttpError
from gateway.settings.access import LOOPBACK_NAMES, AccessSettings

SECURITY_HEADERS: Headers = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
INTENT_HEADERS = (b"graphql-preflight", b"apollo-require-preflight", b"x-requested-with", b"if-none-match")
PREFLIGHTED = (b"authorization", *INTENT_HEADERS)
"""Headers that a browser sends to another origin only after a preflight, whatever their value."""

OWN_SITES = (b"same-origin", b"none")
"""Values of Sec-Fetch-Site for this server's own page and for an address that the user typed."""

REQUEST_HEADERS = (
    b"accept, apollo-require-preflight, authorization, content-type, graphql-cost, graphql-preflight, if-none-match, "
    b"traceparent, tracestate, x-requested-with"
)
RESPONSE_HEADERS = b"etag, ratelimit, ratelimit-policy, retry-after, www-authenticate"
PREFLIGHT_SECONDS = 600
MOST_REMEMBERED = 1_000
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~-]+)(:[0-9]{1,5})?")
"""A Host with or without a port (https://www.rfc-editor.org/rfc/rfc9110.html#section-7.2)."""
FORWARDED_HOST = re.compile(rb"""(?<![^\s;,])host="?([^\s",;]*)""")
"""The host that Forwarded names (https://www.rfc-editor.org/rfc/rfc7239.html#section-5.3)."""


class Browsers:
    """Checks requests and completes response headers as the settings say."""

    def __init__(self, settings: AccessSettings) -> None:
        self._keyless = not settings.require_key
        self._hosts = frozenset((*settings.allowed_hosts, *LOOPBACK_NAMES))
        self._any_host = settings.require_key and not settings.allowed_hosts
        self._origins = frozenset(origin.encode() for origin in settings.cors_origins)
        strict = b"max-age=%d; includeSubDomains" % settings.hsts_seconds
        strict_headers = ((b"strict-transport-security", strict),) if settings.hsts_seconds else ()
        self._headers: Headers = SECURITY_HEADERS + strict_headers
        self._valid_hosts: set[bytes] = set()
        self._completed: dict[Headers, Headers] = {}

    def check(self, exchange: Exchange) -> None:
        """Checks a request's headers.

        Raises HttpError: 400 for an invalid Host, 421 for a Host of another server, 403 for a foreign Origin.
        """
        headers = exchange.headers
        host = headers.get(b"host", b"")
        if host not in self._valid_hosts:
            if host or exchange.scope["http_version"] != "1.0":  # HTTP/1.0 has no Host.
                _demand_host(host)
            self._check_host(host.lower())
            if len(self._valid_hosts) < MOST_REMEMBERED:
                self._valid_hosts.add(host)
        if self._keyless and b"authorization" not in headers:
            for named in _forwarded_hosts(headers):
                self._check_host(named)
        if (
            self._keyless
            and b"origin" in headers
            and not self._is_allowed_origin(headers[b"origin"].lower(), host.lower())
        ):
            raise _foreign()

    def preflight(self, headers: Mapping[bytes, bytes]) -> Headers | None:
        """The response headers for a CORS preflight from a configured origin; None for any other OPTIONS request."""
        if headers.get(b"origin", b"").lower() not in self._origins or b"access-control-request-method" not in headers:
            return None
        return (
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", REQUEST_HEADERS),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        )

    def headers(self, request_headers: Mapping[bytes, bytes], response_headers: Headers) -> Headers:
        """Adds the security headers and, for a configured origin, the CORS headers to the response headers."""
        if not self._origins and response_headers in self._completed:
            return self._completed[response_headers]
        names = [name for name, _ in response_headers]
        added = tuple(pair for pair in self._headers if pair[0] not in names)
        if not self._origins:
            if len(self._completed) >= MOST_REMEMBERED:
                self._completed.clear()
            whole = self._completed[response_headers] = response_headers + added
            return whole
        origin = request_headers.get(b"origin", b"")
        if origin.lower() in self._origins:
            added += ((b"access-control-allow-origin", origin), (b"access-control-expose-headers", RESPONSE_HEADERS))
        return (*response_headers, *added, (b"vary", b"Origin"))

    def check_websocket(self, headers: Mapping[bytes, bytes]) -> None:
        """Raises HttpError 403 for a foreign Origin, with keys too: a WebSocket's handshake needs no preflight."""
        origin, host = headers.get(b"origin", b"").lower(), headers.get(b"host", b"").lower()
        if origin and not self._is_allowed_origin(origin, host):
            raise _foreign()

    def _check_host(self, host: bytes) -> None:
        if not self._any_host and _name(host) not in self._hosts:
            raise HttpError(
                421,
                "Expected the Host header to name this server, but it names another. To allow that name, add it to "
                "PROXYGRAPH_ALLOWED_HOSTS.",
                code="MISDIRECTED_REQUEST",
            )

    def _is_allowed_origin(self, origin: bytes, host: bytes) -> bool:
        return origin in self._origins or origin.partition(b"://")[2] == host


def _foreign() -> HttpError:
    return HttpError(
        403,
        "Expected a request from a page of this server, but its Origin is another. To allow that origin, add it to "
        "PROXYGRAPH_CORS_ORIGINS.",
        code="FORBIDDEN",
    )


def _demand_host(host: bytes) -> None:
    """Raises HttpError 400 if the request has no Host, several, or an invalid one (RFC 9112 §3.2)."""
    if not HOST.fullmatch(host):
        raise HttpError(
            400, "Expected one Host header with the name of a server, but got none, several or an invalid one."
        )


def browser_could_send(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a page of another origin could have made a browser send this request without a preflight.

    Any page can set Accept, and a GET has no body. So only a Content-Type that forms can't send, or one of the
    preflighted headers, proves that a preflight came first.
    """
    return not _sends_json(headers) and not any(name in headers for name in PREFLIGHTED)


def demand_preflight(headers: Mapping[bytes, bytes]) -> None:
    """Raises HttpError 403 if a page of another origin made a browser send the request without a preflight.

    Browsers send Origin or Sec-Fetch-Site (https://w3c.github.io/webappsec-fetch-metadata/). Programs send neither, so
    this does not affect them.
    """
    site = headers.get(b"sec-fetch-site", b"")
    from_elsewhere = site not in OWN_SITES if site else bool(headers.get(b"origin"))
    if from_elsewhere and browser_could_send(headers):
        raise HttpError(
            403,
            "Expected a query of this server's own page or of a program, but a page of another origin sent it without "
            "a preflight. Send it by POST, as JSON, or with the header GraphQL-Preflight: 1.",
            code="FORBIDDEN",
        )


def demand_intent(headers: Mapping[bytes, bytes]) -> None:
    """Raises HttpError 403 for a GET query that does not show that its sender meant to send a query.

    An image, a script or a link accepts any media type, and a proxy may have added the key from a cookie. So a key
    alone is not enough: the request must also accept JSON or events, or send JSON, or have one of the INTENT_HEADERS.
    """
    accepted = headers.get(b"accept", b"").lower()
    if (
        b"json" in accepted
        or EVENT_STREAM in accepted
        or _sends_json(headers)
        or any(name in headers for name in INTENT_HEADERS)
    ):
        return
    raise HttpError(
        403,
        "Expected a query in a URL to be sent on purpose, but this one accepts anything. Send it with the header "
        "Accept: application/graphql-response+json, or application/json, or with GraphQL-Preflight: 1, or by POST.",
        code="FORBIDDEN",
    )


def _sends_json(headers: Mapping[bytes, bytes]) -> bool:
    return headers.get(b"content-type", b"").split(b";")[0].strip().lower() == JSON


def _forwarded_hosts(headers: Mapping[bytes, bytes]) -> Iterable[bytes]:
    """The hosts that clients asked a proxy for. With DNS rebinding to a proxy, only these have the foreign name."""
    for header in (b"x-forwarded-host", b"x-original-host"):
        if header in headers:
            yield from (host.strip().lower() for host in headers[header].split(b","))
    if b"forwarded" in headers:
        yield from FORWARDED_HOST.findall(headers[b"forwarded"].lower())


def _name(host: bytes) -> str:
    text = host.decode("latin-1")
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0].rstrip(".")
