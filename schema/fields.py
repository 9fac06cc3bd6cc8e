"""A field and how it is answered, in one line.

Resolvers return the store's records, of which the schema's types are a view: the record is what Strawberry
reads attributes from. Type checkers can't know that, so the pair is typed Any; tests/test_schema.py
walks the schema and holds types and records together.
"""

from collections.abc import Callable
from typing import Any

import strawberry


def column(description: str) -> Any:
    """A field that is the record's attribute of the same name."""
    return strawberry.field(description=description)


def resolved(resolver: Callable[..., Any], description: str) -> Any:
    """A field that ``resolver`` answers."""
    return strawberry.field(resolver=resolver, description=description)
