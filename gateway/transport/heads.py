"""Heads: requests' heads that came before, byte by byte, and what they were found to say.

A client says the same with each of its requests, but for a length; to parse that again would take longer than many a
query does. What the same bytes say is the same, at whatever connection they come.
"""

from typing import Any

import msgspec

from gateway.http.exchange import GIVEN, WHOLE, Scope, by_name

END = b"\r\n\r\n"
LONGEST = 4_096
MOST = 500
"""So many are remembered; a client that sends another head each time makes them be found out anew."""
NOT_OF_HEAD = frozenset(("server", "client", "scheme", "state", WHOLE))
"""What is in the scope of a request, and no head has said."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """What the head says: the members of an ASGI scope, how long the body is, and whether a proxy speaks for others."""

    scope: dict[str, Any]
    length: int
    is_forwarded: bool


class Heads:
    """The heads that were seen."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[bytes, Head] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def find(self, data: bytes) -> tuple[Head, int] | None:
        """The head that ``data`` begins with, and where the body begins; None unless both are known to be whole."""
        end = data.find(END) + len(END)
        head = self._known.get(data[:end])
        return (head, end) if head and len(data) - end == head.length else None

    def remember(self, data: bytes, scope: Scope, body: bytes | bytearray) -> None:
        """Remembers the head of the request that ``data`` is, nothing but it, with this scope and body.

        One whose body waits for a word before it comes, or is encoded on its way, is not. Nor is one with a query in
        its URL, which is another one each time, and may be personal.
        """
        end = data.find(END) + len(END)
        given = by_name(scope["headers"])
        if end > LONGEST or len(data) - end != len(body) or b"expect" in given or scope["query_string"]:
            return
        if len(self._known) >= self._most:
            self._known.clear()
        told = {name: value for name, value in scope.items() if name not in NOT_OF_HEAD}
        forwarded = any(name.startswith(b"x-forwarded-") for name in given)
        self._known[data[:end]] = Head({**told, GIVEN: given}, len(body), forwarded)
