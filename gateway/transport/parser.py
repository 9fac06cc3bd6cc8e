"""Parses HTTP/1.1 requests with httptools, with bounded heads and trailers (RFC 9112).

httptools does not report where in its input a message ends. Each head, and each chunked body, ends with an empty line,
so it is fed up to the next one. Thus the size of a head is exact, however it is split into reads, and pipelined
requests wait until the one before them is answered.
"""

from urllib.parse import unquote

from httptools import HttpParserError, HttpParserInvalidURLError, HttpParserUpgrade, HttpRequestParser, parse_url

from gateway.http.exchange import Scope, by_name
from gateway.transport.refusals import BAD_REQUEST, HEAD_TOO_LARGE, NOT_IMPLEMENTED, URL_TOO_LONG, VERSION, Refused

LONGEST_HEAD = 32_768
LONGEST_TARGET = 16_384
LONGEST_TRAILERS = 8_192
END = b"\r\n\r\n"
VERSIONS = ("1.1", "1.0")


class Parser:
    """Parses one connection's requests, one after another.

    ``method``, ``target``, ``version`` and ``headers`` (their names in lower case) are those of the last head, which
    may be incomplete; ``body`` has the parts of the body that came since ``take_body``.
    """

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self._is_replayed, self._tail = False, b""
        self._head_bytes = self._trailer_bytes = self._length = 0
        self._refused: Refused | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self._begin()

    def feed(self, data: bytes, start: int) -> int:
        """Parses ``data`` from ``start`` up to the end of a head or of a message, or of the data.

        Returns the position where it stopped. Raises Refused if the request is invalid or too large.
        """
        if self.is_whole:
            self._begin()
        end = self._end(data, start)
        in_head, self._has_event = self.is_in_head, False
        try:
            self._parser.feed_data(data[start:end])
            if in_head and self._length and end < len(data):  # The body, or a part of it, has come with its head.
                self._head_bytes += end - start
                in_head, start, end = False, end, self._end(data, end)
                self._parser.feed_data(data[start:end])
        except HttpParserUpgrade:
            self._ignore_upgrade()
        except HttpParserError as error:
            raise self._refused or Refused(BAD_REQUEST, "Expected a request of HTTP/1.1") from error
        if in_head:
            self._head_bytes += end - start
            if self.is_in_head and self._head_bytes > LONGEST_HEAD:
                raise self._too_long()
        elif not self._length:
            self._trailer_bytes = self._trailer_bytes if self._has_event else self._trailer_bytes + end - start
            if self._trailer_bytes > LONGEST_TRAILERS:
                raise Refused(HEAD_TOO_LARGE, f"Expected trailers of up to {LONGEST_TRAILERS:,} bytes")
        if self._refused:
            raise self._refused
        ends = end < len(data) or self.is_whole
        self._tail = b"" if ends else (self._tail + data[max(start, end - 3) : end])[-3:]
        return end

    @property
    def is_between(self) -> bool:
        """Whether no byte of the next request has arrived."""
        return self.is_whole or not self._head_bytes

    @property
    def is_websocket(self) -> bool:
        """Whether the last head asks for a WebSocket (RFC 6455 §4.1) and announces no body."""
        if not self._is_replayed or self.method != "GET" or self.version != "1.1" or self.target[:1] != b"/":
            return False
        headers = by_name(self.headers)
        return (
            headers[b"upgrade"].lower() == b"websocket"
            and b"sec-websocket-key" in headers
            and b"content-length" not in headers
            and b"transfer-encoding" not in headers
        )

    def head(self) -> bytes:
        """The last head again, as a WebSocket's parser expects it."""
        lines = b"".join([b"%b: %b\r\n" % pair for pair in self.headers])
        return b"%b %b HTTP/%b\r\n%b\r\n" % (self.method.encode(), self.target, self.version.encode(), lines)

    def take_body(self) -> bytes:
        """Returns the part of the body that came since the last call."""
        body = self.body[0] if len(self.body) == 1 else b"".join(self.body)
        self.body.clear()
        return body

    def scope(self) -> Scope:
        """The members of the ASGI scope that come from the head; raises Refused for an invalid target."""
        target, authority = self.target, None
        if not target.startswith(b"/") or b"#" in target:
            target, authority = _without_authority(target)
        if authority is not None:  # It overrides the Host header (RFC 9112 §3.2.2).
            self.headers = [pair for pair in self.headers if pair[0] != b"host"] + [(b"host", authority)]
        raw_path, _, query = target.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            "method": self.method,
            "http_version": self.version,
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
        }

    # Callbacks of httptools. It swallows their exceptions, so feed() raises what they find.

    def on_url(self, target: bytes) -> None:
        """Takes (a part of) the request's target."""
        if not self._is_replayed:
            self.method = self._parser.get_method().decode("ascii")
            self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header; trailers are counted and dropped (RFC 9112 §7.1.2)."""
        if self.is_in_head:
            self.headers.append((name.lower(), value))
        elif not self._is_replayed:
            self._trailer_bytes += len(name) + len(value) + 4
            self._has_event = True

    def on_headers_complete(self) -> None:
        """Reads the body's framing from the head and checks it."""
        if self._is_replayed:
            return
        parser = self._parser
        self.is_in_head = False
        self.version = parser.get_http_version()
        self.keeps_alive = self.version == "1.1" and parser.should_keep_alive()
        headers = by_name(self.headers)
        self._length = int(headers.get(b"content-length", 0))
        self.expects_continue = self.version == "1.1" and headers.get(b"expect", b"").lower() == b"100-continue"
        codings = headers.get(b"transfer-encoding")
        if self.version not in VERSIONS:
            self._refused = Refused(VERSION, f"Expected HTTP/1.1, but got HTTP/{self.version}")
        elif self.method == "CONNECT":
            self._refused = Refused(NOT_IMPLEMENTED, "Expected a request to this server, but got CONNECT")
        elif codings is not None:
            self._refused = _refused_coding(codings, self.version)

    def on_body(self, body: bytes) -> None:
        """Takes (a part of) the body."""
        self.body.append(body)
        self._has_event = True

    def on_chunk_header(self) -> None:
        """Notes that a chunk began."""
        self._has_event = True

    def on_message_complete(self) -> None:
        """Notes that the request is whole, unless httptools skipped its body because of an Upgrade."""
        if self._is_replayed or not self._parser.should_upgrade():
            self.is_whole = True

    def _begin(self) -> None:
        if self._is_replayed:  # That parser has only the framing; a new one takes the next request.
            self._parser, self._is_replayed = HttpRequestParser(self), False
        self.target, self.method, self.version = b"", "", ""
        self.headers, self.body = [], []
        self.is_in_head, self.is_whole, self.expects_continue = True, False, False
        self.keeps_alive, self._has_event = False, False
        self._head_bytes = self._trailer_bytes = self._length = 0
        self._refused = None

    def _end(self, data: bytes, start: int) -> int:
        if self._length:
            end = min(start + self._length, len(data))
            self._length -= end - start
            return end
        found = (self._tail + data[start : start + 3]).find(END) if self._tail else -1
        if found >= 0:
            return start + found + len(END) - len(self._tail)
        found = data.find(END, start)
        end = len(data) if found < 0 else found + len(END)
        return min(end, start + LONGEST_HEAD + 1 - self._head_bytes) if self.is_in_head else end

    def _ignore_upgrade(self) -> None:
        """Ignores an Upgrade and goes on with HTTP/1.1 (RFC 9110 §7.8), unless the request is refused.

        After such a head httptools stops parsing. So a new parser gets a head with the framing alone, and parses the
        body.
        """
        if self._refused:
            return
        framing = [
            b"%b: %b\r\n" % pair for pair in self.headers if pair[0] in (b"content-length", b"transfer-encoding")
        ]
        self._parser, self._is_replayed = HttpRequestParser(self), True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))

    def _too_long(self) -> Refused:
        if len(self.target) > LONGEST_TARGET:
            return Refused(URL_TOO_LONG, f"Expected a URL of up to {LONGEST_TARGET:,} bytes")
        return Refused(HEAD_TOO_LARGE, f"Expected a head of up to {LONGEST_HEAD:,} bytes")


def _refused_coding(codings: bytes, version: str) -> Refused | None:
    """The error for unsupported transfer codings; None if they are supported (RFC 9112 §6.1)."""
    *others, last = [coding.strip().lower() for coding in codings.split(b",")]
    if version == "1.1" and last == b"chunked" and not others:
        return None
    if version == "1.0" or b"chunked" in others or not last:
        return Refused(BAD_REQUEST, "Expected a body of one length")
    return Refused(NOT_IMPLEMENTED, "Expected a body in chunks or of one length, but got another transfer coding")


def _without_authority(target: bytes) -> tuple[bytes, bytes | None]:
    """Splits a target in absolute form into its path and authority; the authority is None if it has none."""
    if target == b"*":
        return target, None
    try:
        url = parse_url(target)
    except HttpParserInvalidURLError as error:
        raise Refused(BAD_REQUEST, "Expected a URL that can be parsed") from error
    path = (url.path or b"/") + (b"?" + url.query if url.query is not None else b"")
    if url.host is None:
        return path, None
    if url.schema not in (b"http", b"https") or url.userinfo:
        raise Refused(BAD_REQUEST, "Expected a URL of this server")
    host = b"[%b]" % url.host if b":" in url.host else url.host
    return path, host if url.port is None else b"%b:%d" % (host, url.port)
