"""Checks that Twilio signed a request (https://www.twilio.com/docs/usage/webhooks/webhooks-security).

The signature is a MAC of the public URL, followed by the name and value of each parameter of a form, sorted. It is made
with the account's auth token and SHA-1, or, if the header SETTINGS_HEADER says so, with a shared key's secret and
SHA-256. The URL may have its default port or not. Where the body is no form, the URL has the body's hash.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

SIGNATURE_HEADER = b"x-twilio-signature"
SETTINGS_HEADER = b"x-twilio-webhooks-signature-settings"
DEFAULT_PORTS = {"http": 80, "https": 443}
SHA1, SHA256 = "HMAC_SHA1", "HMAC_SHA256"
HASHES: Mapping[str, Callable[..., Any]] = {SHA1: hashlib.sha1, SHA256: hashlib.sha256}

Form = Mapping[str, Sequence[str]]
"""The parameters of a form: the values of each name."""


class Signatures:
    """Checks signatures of requests to ``public_url``, by any of some auth tokens, or by a shared key's secret."""

    def __init__(self, public_url: str, auth_tokens: Sequence[str], shared_secret: str | None) -> None:
        self._addresses = both_addresses(public_url)
        self._keys = {
            SHA1: [*auth_tokens],
            SHA256: [*([shared_secret] if shared_secret else []), *auth_tokens],
        }

    def is_valid(
        self, path: str, query: str, form: Form | None, body: bytes, signature: bytes, settings: bytes
    ) -> bool:
        """Whether ``signature`` is Twilio's for a request to ``path`` below the public URL, with this body.

        ``form`` has the body's parameters, None if it isn't a form. ``settings`` is the value of SETTINGS_HEADER.
        """
        if form is None and body and not _has_hash(query, body):
            return False
        algorithm = algorithm_of(settings.decode("latin-1"))
        if algorithm not in HASHES:
            return False
        is_valid = False
        for address in self._addresses:
            signed = text_of(f"{address}{path}{'?' if query else ''}{query}", form or {})
            for key in self._keys[algorithm]:
                is_valid |= hmac.compare_digest(mac(key, signed, algorithm), signature)
        return is_valid


def algorithm_of(settings: str) -> str:
    """The algorithm that the value of SETTINGS_HEADER names, as in ``key=…,algorithm=HMAC_SHA256``."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return SHA1


def both_addresses(url: str) -> tuple[str, ...]:
    """``url`` without and with a port, since Twilio signs either."""
    address = urlsplit(url)
    host = address.netloc.removesuffix(f":{address.port}")
    port = address.port or DEFAULT_PORTS[address.scheme]
    return tuple(urlunsplit(address._replace(netloc=netloc)) for netloc in (host, f"{host}:{port}"))


def text_of(url: str, form: Form) -> str:
    """The text that is signed: the URL, and each parameter's name with each of its values."""
    return url + "".join([name + value for name in sorted(form) for value in sorted(set(form[name]))])


def mac(key: str, text: str, algorithm: str) -> bytes:
    """The signature of ``text``."""
    return base64.b64encode(hmac.new(key.encode(), text.encode("utf-8", "replace"), HASHES[algorithm]).digest())


def _has_hash(query: str, body: bytes) -> bool:
    given: Iterable[str] = parse_qs(query).get("bodySHA256", [])[:1]
    expected = hashlib.sha256(body).hexdigest().encode()
    return any(hmac.compare_digest(each.encode(), expected) for each in given)
