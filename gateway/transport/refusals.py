"""Responses to invalid HTTP requests, which the application never sees."""

BAD_REQUEST = b"400 Bad Request"
TIMEOUT = b"408 Request Timeout"
URL_TOO_LONG = b"414 URI Too Long"
HEAD_TOO_LARGE = b"431 Request Header Fields Too Large"
NOT_IMPLEMENTED = b"501 Not Implemented"
VERSION = b"505 HTTP Version Not Supported"


class Refused(Exception):
    """A request is invalid or too large; has the code and phrase of the status line, and a message."""

    def __init__(self, status: bytes, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self, method: str) -> bytes:
        """The encoded response, which closes the connection; to HEAD it has no body (RFC 9110 §9.3.2)."""
        text = f"{self}.\n".encode()
        return (
            b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"x-content-type-options: nosniff\r\n\r\n%b" % (self.status, len(text), b"" if method == "HEAD" else text)
        )
