"""Access: who the caller is, and what they may do.

Every scope lets its holder read what is neither content nor personal; ``read:content`` adds that, and ``delete`` adds
deleteInteraction. Neither of the two brings the other.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from resolvers.errors import Forbidden


class Scope(StrEnum):
    """The scopes that a key can have."""

    READ = "read"
    READ_CONTENT = "read:content"
    DELETE = "delete"


class Access(msgspec.Struct, frozen=True):
    """The name of a key (or of nobody), and what it may do."""

    name: str
    scopes: frozenset[Scope]

    def demand(self, scope: Scope, what: str) -> None:
        """Raises Forbidden if ``scope``, which ``what`` needs, is missing."""
        if scope not in self.scopes:
            raise Forbidden(f"Expected a key with the scope {scope} for {what}, but this one is without.")


ANYBODY = Access("anonymous", frozenset(Scope))
"""The caller's access if no key is required."""


def granted(name: str, scopes: Iterable[str]) -> Access:
    """The access that these scopes give. Unknown scopes, which a token may have, are ignored."""
    known = frozenset(Scope(word) for word in scopes if word in Scope.__members__.values())
    return Access(name, known | {Scope.READ} if known else known)
