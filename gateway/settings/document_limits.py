"""The limits of a document, in a module of their own: the code that checks them imports all of graphql-core."""

from typing import NamedTuple


class DocumentLimits(NamedTuple):
    """The most that a document may have; gateway/settings/server.py describes each."""

    tokens: int
    depth: int
    aliases: int
    directives: int
    root_fields: int
    repeated_fields: int
