"""Parses a GraphQL request from the JSON body of a POST or from the URL of a GET.

Follows https://graphql.github.io/graphql-over-http/draft/#sec-Request. Unknown members are ignored; null, an empty
operationName and (in a URL) any empty text count as absent.
"""

import codecs
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from gateway.http.exchange import JSON, Exchange, HttpError

LONGEST_URL = 16_000
PARAMETERS = 50
IN_JSON = ("variables", "extensions")


class RequestParameters(msgspec.Struct, rename="camel"):
    """The members of a GraphQL request as the client sent them."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


DECODER = msgspec.json.Decoder(RequestParameters)
MEMBER_DECODER = msgspec.json.Decoder()


def demand_json(exchange: Exchange) -> None:
    """Raises HttpError 415 unless Content-Type says JSON in UTF-8 and Content-Encoding is absent or identity."""
    content_type, encoding = exchange.header(b"content-type"), exchange.headers.get(b"content-encoding")
    if (content_type != JSON and not _is_json(content_type)) or (encoding and encoding.lower() != b"identity"):
        found = b" ".join((encoding or b"", content_type)).strip().decode("latin-1") or "none"
        raise HttpError(415, f"Expected a body of application/json in UTF-8, but got {found}.")


def parse_body(body: bytes) -> RequestParameters:
    """Parses the body of a POST; raises HttpError if it is not a GraphQL request.

    Ignores a byte order mark before the JSON, as RFC 8259 §8.1 allows.
    """
    try:
        return DECODER.decode(body.removeprefix(codecs.BOM_UTF8))
    except msgspec.ValidationError as error:
        raise _misshapen(str(error)) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _unreadable("a body", error) from error


def parse_url(exchange: Exchange) -> RequestParameters:
    """Parses the URL of a GET; raises HttpError if it is not a GraphQL request."""
    query_string = exchange.scope["query_string"]
    if len(query_string) > LONGEST_URL:
        raise HttpError(
            414, f"Expected a URL of up to {LONGEST_URL:,} bytes, but got {len(query_string):,}. Send it by POST."
        )
    try:
        pairs = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=PARAMETERS)
    except ValueError as error:
        raise HttpError(400, "Expected a URL whose parameters are UTF-8, percent-encoded, and few.") from error
    members: dict[str, Any] = {}
    for name, value in reversed(pairs):  # The first of repeated parameters wins, as in URLSearchParams.
        members[name] = value
    for name in IN_JSON:
        if name in members:
            members[name] = _member(name, members[name])
    try:
        return msgspec.convert(members, RequestParameters)
    except msgspec.ValidationError as error:
        raise _misshapen(str(error)) from error


def _is_json(content_type: bytes) -> bool:
    media_type, *parameters = (part.strip() for part in content_type.lower().split(b";"))
    charsets = [part[8:].strip(b'"') for part in parameters if part.startswith(b"charset=")]
    return media_type == JSON and all(charset == b"utf-8" for charset in charsets)


def _member(name: str, text: str) -> Any:
    try:
        return MEMBER_DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _unreadable(name, error) from error


def _unreadable(place: str, error: Exception) -> HttpError:
    finding = "it nests too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")
    return HttpError(400, f"Expected {place} of JSON, but got something else: {finding}.")


def _misshapen(finding: str) -> HttpError:
    return HttpError(
        422,
        "Expected a JSON object with query (a text) and perhaps variables (an object) and operationName (a text), "
        f"but got something else: {finding.rstrip('.')}.",
    )
