"""What browsers may do here: which names reach this server, which origins may ask, what pages may do with answers.

A page anywhere can make its visitor's browser send requests to this machine. Without keys only the Host and the Origin
tell them from the visitor's own: a name that was rebound to 127.0.0.1 is another name, a foreign page another Origin.
With keys no page can send one without a preflight, which only the origins of a list pass (https://fetch.spec.whatwg.org).
"""

import re
from collections.abc import Iterable, Mapping

from gateway.http.exchange import JSON, Exchange, Headers, HttpError
from gateway.settings.access import LOOPBACK_NAMES, AccessSettings

SECURITY_HEADERS: Headers = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
ON_PURPOSE = (b"graphql-preflight", b"apollo-require-preflight", b"x-requested-with", b"if-none-match")
PREFLIGHTED = (b"authorization", *ON_PURPOSE)
"""Headers that a browser sends across origins only after a preflight; any value will do."""

OWN_SITES = (b"same-origin", b"none")
"""What Sec-Fetch-Site says of this server's own page, and of an address that somebody typed."""

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
    """The checks of requests and the headers of answers, by the settings."""

    def __init__(self, settings: AccessSettings) -> None:
        self._keyless = not settings.require_key
        self._hosts = frozenset((*settings.allowed_hosts, *LOOPBACK_NAMES))
        self._any_host = settings.require_key and not settings.allowed_hosts
        self._origins = frozenset(origin.encode() for origin in settings.cors_origins)
        strict = b"max-age=%d; includeSubDomains" % settings.hsts_seconds
        strict_headers = ((b"strict-transport-security", strict),) if settings.hsts_seconds else ()
        self._headers: Headers = SECURITY_HEADERS + strict_headers
        self._seen: set[bytes] = set()
        self._known: dict[Headers, Headers] = {}

    def check(self, exchange: Exchange) -> None:
        """Checks a request's headers.

        Raises HttpError: 400 for a Host that names nothing, 421 for one not of this server, 403 for another Origin.
        """
        given = exchange.given
        host = given.get(b"host", b"")
        if host not in self._seen:
            if host or exchange.scope["http_version"] != "1.0":  # HTTP/1.0 has no Host.
                _demand_host(host)
            self._check_host(host.lower())
            if len(self._seen) < MOST_REMEMBERED:
                self._seen.add(host)
        if self._keyless and b"authorization" not in given:
            for named in _forwarded_hosts(given):
                self._check_host(named)
        if self._keyless and b"origin" in given and not self._may_ask(given[b"origin"].lower(), host.lower()):
            raise HttpError(
                403,
                "Expected a page of this server, but its Origin is another. PROXYGRAPH_CORS_ORIGINS lists those that "
                "may ask too.",
                code="FORBIDDEN",
            )

    def preflight(self, given: Mapping[bytes, bytes]) -> Headers | None:
        """What answers an OPTIONS that is a preflight of an origin of the list; None where it is none."""
        if given.get(b"origin", b"").lower() not in self._origins or b"access-control-request-method" not in given:
            return None
        return (
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", REQUEST_HEADERS),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        )

    def headers(self, given: Mapping[bytes, bytes], answered: Headers) -> Headers:
        """The headers ``answered``, with those that every answer to a request with ``given`` has."""
        if not self._origins and answered in self._known:
            return self._known[answered]
        names = [name for name, _ in answered]
        added = tuple(pair for pair in self._headers if pair[0] not in names)
        if not self._origins:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            whole = self._known[answered] = answered + added
            return whole
        origin = given.get(b"origin", b"")
        if origin.lower() in self._origins:
            added += ((b"access-control-allow-origin", origin), (b"access-control-expose-headers", RESPONSE_HEADERS))
        return (*answered, *added, (b"vary", b"Origin"))

    def _check_host(self, host: bytes) -> None:
        if not self._any_host and _name(host) not in self._hosts:
            raise HttpError(
                421,
                "Expected a request to a name of this server, but its Host header names another. "
                "PROXYGRAPH_ALLOWED_HOSTS lists those that are allowed beside the loopback's.",
                code="MISDIRECTED_REQUEST",
            )

    def _may_ask(self, origin: bytes, host: bytes) -> bool:
        return origin in self._origins or origin.partition(b"://")[2] == host


def _demand_host(host: bytes) -> None:
    """Raises HttpError 400 where a request has no Host, several, or one that names no server (RFC 9112 §3.2)."""
    if not HOST.fullmatch(host):
        raise HttpError(400, "Expected one Host header with the name of a server, but got none or something else.")


def browser_could_send(given: Mapping[bytes, bytes]) -> bool:
    """Whether a page of another origin could have made a browser send this request without a preflight.

    Accept may hold anything, and a GET has no body to tell by; only a Content-Type that no form has, or a header that
    no form sends, shows that a preflight came first.
    """
    return not _says_json(given) and not any(name in given for name in PREFLIGHTED)


def demand_preflight(given: Mapping[bytes, bytes]) -> None:
    """Raises HttpError 403 for a request that a page of another origin made a browser send without a preflight.

    Where neither Origin nor Sec-Fetch-Site (https://w3c.github.io/webappsec-fetch-metadata/) comes with it, no browser
    sent it, so programs need no header of those above.
    """
    site = given.get(b"sec-fetch-site", b"")
    from_elsewhere = site not in OWN_SITES if site else bool(given.get(b"origin"))
    if from_elsewhere and browser_could_send(given):
        raise HttpError(
            403,
            "Expected a query of this server's own page or of a program, but a page of another origin sent it without "
            "a preflight. Send it by POST, as JSON, or with the header GraphQL-Preflight: 1.",
            code="FORBIDDEN",
        )


def demand_purpose(given: Mapping[bytes, bytes]) -> None:
    """Raises HttpError 403 for a query in a URL whose sender need not have meant to send one.

    An image, a script or a link accepts anything, and a proxy on the way may have made a key of its visitor's cookie:
    so beside the key the request has to say that it wants JSON, or to have one of the headers above.
    """
    if b"json" in given.get(b"accept", b"").lower() or _says_json(given) or any(name in given for name in ON_PURPOSE):
        return
    raise HttpError(
        403,
        "Expected a query in a URL to be sent on purpose, but this one accepts anything. Send it with the header "
        "Accept: application/graphql-response+json, or application/json, or with GraphQL-Preflight: 1, or by POST.",
        code="FORBIDDEN",
    )


def _says_json(given: Mapping[bytes, bytes]) -> bool:
    return given.get(b"content-type", b"").split(b";")[0].strip().lower() == JSON


def _forwarded_hosts(given: Mapping[bytes, bytes]) -> Iterable[bytes]:
    """The hosts that a proxy on this machine was asked for. A name that was rebound to the proxy stands only there."""
    for header in (b"x-forwarded-host", b"x-original-host"):
        if header in given:
            yield from (host.strip().lower() for host in given[header].split(b","))
    if b"forwarded" in given:
        yield from FORWARDED_HOST.findall(given[b"forwarded"].lower())


def _name(host: bytes) -> str:
    text = host.decode("latin-1")
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0].rstrip(".")
