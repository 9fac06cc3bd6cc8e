"""A signature is accepted if and only if Twilio's own package accepts it."""

import hashlib
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from gateway.callbacks.forms import parse
from gateway.callbacks.signatures import Signatures
from gateway.settings.callbacks import CALLBACK_PATH

TOKEN, SECRET = "f" * 32, "shared secret"
ALGORITHMS = ("HMAC_SHA1", "HMAC_SHA256")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
pairs = st.lists(st.tuples(texts, texts), max_size=6)
public_urls = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{host}{port}{path}",
    st.sampled_from(["https", "http"]),
    st.sampled_from(["example.com", "127.0.0.1", "proxy.example"]),
    st.sampled_from(["", ":443", ":80", ":8443"]),
    st.sampled_from(["", "/twilio", "/a/b"]),
)
queries = st.one_of(st.just(""), st.lists(st.tuples(texts, texts), min_size=1, max_size=2).map(urlencode))


def settings_header(algorithm: str) -> bytes:
    return b"" if algorithm == "HMAC_SHA1" else f"key=webhooks_sharedkey_1,algorithm={algorithm}".encode()


@given(public_urls, queries, pairs, st.sampled_from(ALGORITHMS), st.booleans())
def test_a_form_that_twilio_signed_is_accepted(
    url: str, query: str, form: list[tuple[str, str]], algorithm: str, with_port: bool
) -> None:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if with_port and ":" not in host:
        host += ":443" if scheme == "https" else ":80"
    signed_url = f"{scheme}://{host}{slash}{path}{CALLBACK_PATH}{'?' if query else ''}{query}"
    twilio = RequestValidator(TOKEN)
    signature = twilio.compute_signature(signed_url, MultiDict(form), algorithm)
    assert twilio.validate(signed_url, MultiDict(form), signature, algorithm)
    body = urlencode(form).encode()
    signatures = Signatures(url, [TOKEN], None)
    assert signatures.is_valid(CALLBACK_PATH, query, parse(body), body, signature.encode(), settings_header(algorithm))


@given(public_urls, queries, pairs, st.sampled_from(ALGORITHMS), st.data())
def test_what_was_changed_after_signing_is_refused_as_by_twilios_own_package(
    url: str, query: str, form: list[tuple[str, str]], algorithm: str, data: Any
) -> None:
    twilio, signed_url = RequestValidator(TOKEN), f"{url}{CALLBACK_PATH}{'?' if query else ''}{query}"
    signature = twilio.compute_signature(signed_url, MultiDict(form), algorithm)
    changed_form, changed_algorithm = data.draw(pairs), data.draw(st.sampled_from(ALGORITHMS))
    changed_signature = data.draw(st.sampled_from([signature, signature[:-1], signature.swapcase(), "", "="]))
    body = urlencode(changed_form).encode()
    expected = twilio.validate(signed_url, MultiDict(changed_form), changed_signature, changed_algorithm)
    found = Signatures(url, [TOKEN], None).is_valid(
        CALLBACK_PATH, query, parse(body), body, changed_signature.encode(), settings_header(changed_algorithm)
    )
    assert found == expected


@given(st.binary(max_size=40), st.booleans())
def test_another_body_is_signed_by_its_hash_in_the_url(body: bytes, changed: bool) -> None:
    url = "https://example.com"
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(f"{url}{CALLBACK_PATH}?{query}", {})
    given_body = body + b"!" if changed else body
    signatures = Signatures(url, [TOKEN], None)
    assert signatures.is_valid(CALLBACK_PATH, query, None, given_body, signature.encode(), b"") is not changed


def test_a_body_without_a_hash_is_refused_since_nothing_signs_it() -> None:
    signature = RequestValidator(TOKEN).compute_signature(f"https://example.com{CALLBACK_PATH}", {})
    assert not Signatures("https://example.com", [TOKEN], None).is_valid(
        CALLBACK_PATH, "", None, b"{}", signature.encode(), b""
    )


@pytest.mark.parametrize("tokens", [[TOKEN], []])
def test_a_shared_keys_secret_signs_with_sha_256_only(tokens: list[str]) -> None:
    url, form = f"https://example.com{CALLBACK_PATH}", {"a": "b"}
    signatures = Signatures("https://example.com", tokens, SECRET)
    for algorithm in ALGORITHMS:
        signature = RequestValidator(SECRET).compute_signature(url, form, algorithm).encode()
        found = signatures.is_valid(CALLBACK_PATH, "", {"a": ["b"]}, b"a=b", signature, settings_header(algorithm))
        assert found == (algorithm == "HMAC_SHA256")


def test_an_algorithm_that_twilio_may_add_is_refused_until_it_is_known() -> None:
    signature = RequestValidator(TOKEN).compute_signature(f"https://example.com{CALLBACK_PATH}", {"a": "b"})
    signatures = Signatures("https://example.com", [TOKEN], SECRET)
    for settings in (b"key=1,algorithm=HMAC_SHA512", b"algorithm=none"):
        assert not signatures.is_valid(CALLBACK_PATH, "", {"a": ["b"]}, b"a=b", signature.encode(), settings)


@given(pairs)
def test_forms_are_parsed_with_empty_parameters_and_any_text(form: list[tuple[str, str]]) -> None:
    expected: dict[str, list[str]] = {}
    for name, value in form:
        expected.setdefault(name, []).append(value)
    for body in (urlencode(form), "&".join(f"{quote(name)}={quote(value)}" for name, value in form)):
        assert parse(body.encode()) == expected
