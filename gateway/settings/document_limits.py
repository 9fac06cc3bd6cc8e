"""The limits of a document by itself, apart from what checks them, which needs all of GraphQL."""

from typing import NamedTuple


class DocumentLimits(NamedTuple):
    """What a document may have at most; see gateway/settings/server.py."""

    tokens: int
    depth: int
    aliases: int
    directives: int
    root_fields: int
    repeated_fields: int
