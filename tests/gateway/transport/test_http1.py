"""HTTP/1.1 parsing: valid requests and their framing by RFC 9112, however the bytes are split.

The cases are known ones: those by which servers in front of each other were made to disagree on where a request ends
(request smuggling), and what uvicorn's own protocol promises.
"""

import pytest

from gateway.transport.parser import LONGEST_HEAD, LONGEST_TARGET, LONGEST_TRAILERS
from raw_http import GET, HOST, answers, parse_responses, post, respond_at_once, segmentations

CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"

FRAMED: list[tuple[str, bytes, list[int], list[str]]] = [
    ("a length", post(b"Content-Length: 3", body=b"abc"), [200], ["abc"]),
    ("no length", post(), [200], [""]),
    ("chunks", CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", [200], ["abcde"]),
    ("chunks in capitals", CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", [200], ["0123456789"]),
    ("a chunk extension", CHUNKED + b"3;name=value\r\nabc\r\n0;last\r\n\r\n", [200], ["abc"]),
    ("a chunk of an empty line", CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\n\r\n", [200], ["\r\n\r\n"]),
    ("the coding in capitals", post(b"Transfer-Encoding: Chunked", body=b"1\r\na\r\n0\r\n\r\n"), [200], ["a"]),
    ("an empty line before", b"\r\n" + GET % b"x", [200], [""]),
    ("another request behind", post(b"Content-Length: 1", body=b"a") + GET % b"b", [200, 200], ["a", ""]),
    ("chunks and another behind", CHUNKED + b"1\r\na\r\n0\r\n\r\n" + GET % b"b", [200, 200], ["a", ""]),
    # One length or one coding says where a body ends; anything else is where servers disagree (§6.1, §6.3).
    ("coding, then length", post(b"Transfer-Encoding: chunked", b"Content-Length: 3", body=b"0\r\n\r\n"), [400], []),
    ("length, then coding", post(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), [400], []),
    ("two equal lengths", post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"), [400], []),
    ("two lengths", post(b"Content-Length: 3", b"Content-Length: 5", body=b"abc"), [400], []),
    ("a list of lengths", post(b"Content-Length: 3, 3", body=b"abc"), [400], []),
    ("a length with a sign", post(b"Content-Length: +3", body=b"abc"), [400], []),
    ("a negative length", post(b"Content-Length: -3", body=b"abc"), [400], []),
    ("a length in hex", post(b"Content-Length: 0x3", body=b"abc"), [400], []),
    ("no number as a length", post(b"Content-Length:", body=b"abc"), [400], []),
    ("a length beyond 64 bits", post(b"Content-Length: 99999999999999999999999", body=b"abc"), [400], []),
    ("another coding", post(b"Transfer-Encoding: gzip", body=b"abc"), [501], []),
    ("a misspelt coding", post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), [501], []),
    ("another coding before", post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), [501], []),
    ("chunked, and then another", post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"), [400], []),
    ("chunked twice", post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), [400], []),
    ("a tab in the coding", post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"), [400], []),
    ("a space before the colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"), [400], []),
    ("chunks in HTTP/1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400], []),
    # Lines end with CR LF and nothing else (§2.2, §5.2).
    ("a folded header", post(b"X: a\r\n b"), [400], []),
    ("a folded coding", post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"), [400], []),
    ("a space before the first header", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", [400], []),
    ("lines that end with LF", b"GET / HTTP/1.1\nHost: a\n\n", [400], []),
    ("a header that ends with LF", b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", [400], []),
    ("a CR in a header", post(b"X: a\rb"), [400], []),
    ("a NUL in a header", post(b"X: a\0b"), [400], []),
    ("a chunk's size that ends with LF", CHUNKED + b"3\nabc\r\n0\r\n\r\n", [400], []),
    ("a chunk extension that ends with LF", CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n", [400], []),
    ("a chunk with 0x", CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", [400], []),
    ("a chunk's size with a space", CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", [400], []),
    ("a negative chunk", CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", [400], []),
    ("a chunk's size beyond 64 bits", CHUNKED + b"f" * 17 + b"\r\nabc\r\n0\r\n\r\n", [400], []),
    ("a chunk longer than its size", CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", [400], []),
    ("no header's name", post(b": a"), [400], []),
    ("a byte that no name has", post(b"\xff: a"), [400], []),
    # The request line (§3).
    ("HTTP/2", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", [505], []),
    ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400], []),
    ("HTTP/0.9", b"GET / HTTP/0.9\r\n\r\n", [505], []),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", [400], []),
    ("an unknown method", b"FOO / HTTP/1.1\r\n" + HOST + b"\r\n", [400], []),
    ("a method in small letters", b"get / HTTP/1.1\r\n" + HOST + b"\r\n", [400], []),
    ("a space in the target", GET % b"a b", [400], []),
    ("a byte beyond ASCII in the target", GET % b"\xff", [400], []),
    ("a tunnel", b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\nabc", [501], []),
    ("a target that is no URL", b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n", [400], []),
    ("another scheme", b"GET ftp://a/ HTTP/1.1\r\n" + HOST + b"\r\n", [400], []),
    ("bytes of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400], []),
    # What comes behind a request is another one, or none, and the answers come in their order.
    ("an error behind a request", post(b"Content-Length: 4", body=b"slow") + b"x\r\n\r\n", [200, 400], ["slow"]),
    ("a request behind an error", GET % b"a" + b"x\r\n\r\n" + GET % b"b", [200, 400], [""]),
    ("bytes behind a body", post(b"Content-Length: 1", body=b"abcd\r\n\r\n") + GET % b"b", [200, 400], ["a"]),
    ("a request behind the last", post(b"Connection: close") + GET % b"b", [200], [""]),
    ("two in HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n" * 2, [200], [""]),
    ("half a request behind", GET % b"slow" + b"GET / HT", [200], [""]),
    ("half a body behind", GET % b"slow" + post(b"Content-Length: 5", body=b"ab"), [200], [""]),
]


@pytest.mark.parametrize(("about", "sent", "statuses", "bodies"), FRAMED, ids=[row[0] for row in FRAMED])
async def test_a_request_is_framed_or_refused_in_any_segmentation(
    about: str, sent: bytes, statuses: list[int], bodies: list[str]
) -> None:
    for pieces in segmentations(sent):
        found, said = parse_responses(await answers(pieces))
        assert (found, [body for _, _, body, *_ in said]) == (statuses, bodies), pieces


LONG = b"x" * (LONGEST_HEAD + 1)
BOUNDED: list[tuple[str, bytes, list[int]]] = [
    ("a long head", post(b"X: " + LONG[:-100]), [200]),
    ("a head that is too long", post(b"X: " + LONG), [431]),
    ("many headers", post(*[b"X: " + b"x" * 1_000] * 33), [431]),
    ("a head too long that is no head", post(b"X: " + LONG, b"Y : z"), [431]),
    ("a head without an end", b"GET / HTTP/1.1\r\nX: " + LONG, [431]),
    ("a URL that is too long", GET % LONG, [414]),
    ("a long URL", GET % LONG[: LONGEST_TARGET - 1], [200]),
    ("trailers that are too long", CHUNKED + b"0\r\nX: " + b"x" * LONGEST_TRAILERS + b"\r\n\r\n", [431]),
    ("too many trailers", CHUNKED + b"0\r\n" + b"X: " + b"x" * 90 + (b"\r\nX: " + b"x" * 90) * 99 + b"\r\n\r\n", [431]),
    ("a request before it", post(b"Content-Length: 4", body=b"slow") + post(b"X: " + LONG), [200, 431]),
]


@pytest.mark.parametrize(("about", "sent", "statuses"), BOUNDED, ids=[row[0] for row in BOUNDED])
async def test_too_long_a_head_is_refused_in_any_segmentation(about: str, sent: bytes, statuses: list[int]) -> None:
    for size in (len(sent), 16_000, 1_000, 997):
        pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
        assert parse_responses(await answers(pieces))[0] == statuses, size


async def test_a_refusal_of_head_has_no_body_and_that_of_a_request_after_it_has_one() -> None:
    """RFC 9110 §9.3.2."""
    head = b"HEAD /%b HTTP/1.1\r\nHost: a\r\n\r\n"
    for size in (len(LONG), 997):
        sent = head % LONG
        refusal = await answers([sent[start : start + size] for start in range(0, len(sent), size)])
        assert refusal.startswith(b"HTTP/1.1 414 ")
        assert refusal.endswith(b"\r\n\r\n")
    assert (await answers([head % b"x" + b"nothing like a request\r\n\r\n"])).endswith(
        b"Expected a request of HTTP/1.1.\n"
    )


async def test_the_limits_apply_to_each_pipelined_request() -> None:
    """Once the bytes of a packet were counted instead of those of a head."""
    request = GET % (b"x" * 90)
    statuses, _ = parse_responses(await answers([request * 1_600]))
    assert statuses == [200] * 1_600


async def test_trailers_do_not_become_headers() -> None:
    sent = CHUNKED + b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 192.0.2.1\r\nHost: b\r\n\r\n"
    for pieces in segmentations(sent + GET % b"next"):
        _, (first, second) = parse_responses(await answers(pieces))
        assert dict(first[4]) == {"host": "a", "transfer-encoding": "chunked"}
        assert (first[2], second[1]) == ("a", "/next")


UPGRADES = [
    (b"h2c", post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 3", body=b"abc")),
    (b"h2c in chunks", CHUNKED[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    (b"websocket", post(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 3", body=b"abc")),
    (b"nothing", post(b"Upgrade: h2c", b"Content-Length: 3", body=b"abc")),
]


@pytest.mark.parametrize(("about", "sent"), UPGRADES, ids=[row[0].decode() for row in UPGRADES])
async def test_an_upgrade_request_is_answered_in_http_1(about: bytes, sent: bytes) -> None:
    for pieces in segmentations(sent + GET % b"next"):
        statuses, (first, second) = parse_responses(await answers(pieces))
        assert (statuses, first[2], second[1]) == ([200, 200], "abc", "/next"), pieces


@pytest.mark.parametrize(
    ("target", "host", "path", "query"),
    [
        (b"http://b:80/x?y=z", "b:80", "/x", "y=z"),
        (b"http://[::1]:8000", "[::1]:8000", "/", ""),
        (b"https://b?y", "b", "/", "y"),
        (b"/x?y=%20", "a", "/x", "y=%20"),
        (b"/%C3%A9", "a", "/\N{LATIN SMALL LETTER E WITH ACUTE}", ""),
        (b"//b/x", "a", "//b/x", ""),
        (b"*", "a", "*", ""),
    ],
)
async def test_the_targets_authority_takes_precedence_over_the_host(
    target: bytes, host: str, path: str, query: str
) -> None:
    _, ((_, found, _, asked, headers),) = parse_responses(
        await answers([b"OPTIONS %b HTTP/1.1\r\nHost: a\r\n\r\n" % target])
    )
    assert (found, asked, [value for name, value in headers if name == "host"]) == (path, query, [host])


async def test_the_rest_of_a_body_after_its_response_is_not_parsed_as_a_request() -> None:
    inner = GET % b"inner"
    sent = post(b"Content-Length: %d" % len(inner), body=inner) + GET % b"next"
    for pieces in segmentations(sent):
        assert parse_responses(await answers(pieces, respond_at_once))[0] == [200, 200], pieces


async def test_an_unread_body_is_not_parsed_as_a_request() -> None:
    inner = GET % b"inner"
    sent = [post(b"Expect: 100-continue", b"Content-Length: %d" % len(inner)), inner]
    answered = await answers(sent, respond_at_once)
    assert (parse_responses(answered)[0], b"connection: close" in answered) == ([200], True)
