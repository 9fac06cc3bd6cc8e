"""Access: who the caller is, and which scopes they have.

Any scope allows reading everything but personal data. ``read:content`` allows reading that too; ``delete`` allows
deleteInteraction. Neither of these two includes the other.
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
    """The name of the caller's key (or ``anonymous``), and its scopes."""

    name: str
    scopes: frozenset[Scope]

    def demand(self, scope: Scope, what: str) -> None:
        """Raises Forbidden if the caller lacks ``scope``, which ``what`` needs."""
        if scope not in self.scopes:
            raise Forbidden(f"Expected a key with the scope {scope} for {what}, but got a key without it.")


ANYBODY = Access("anonymous", frozenset(Scope))
"""The caller's access if no key is required."""


def granted(name: str, scopes: Iterable[str]) -> Access:
    """The access with these scopes, and ``read`` if there is any. Ignores unknown scopes, which a token may have."""
    known = frozenset(Scope(scope) for scope in scopes if scope in Scope.__members__.values())
    return Access(name, known | {Scope.READ} if known else known)
