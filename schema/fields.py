"""A field and how it is answered, in one line.

Resolvers return the store's records, of which the schema's types are a view: the record is what Strawberry
reads attributes from. Type checkers can't know that, so the pair is typed Any; tests/test_schema.py
walks the schema and holds types and records together.
"""

from collections.abc import Callable
from typing import Any

import strawberry

from resolvers.access import Scope
from resolvers.context import Info


def column(description: str) -> Any:
    """A field that is the record's attribute of the same name."""
    return strawberry.field(description=description)


def content(description: str) -> Any:
    """A column of what people wrote, or who they are: null for who may not read content (see schema/withheld.py)."""
    return strawberry.field(resolver=_content, description=description, metadata={"scope": Scope.READ_CONTENT})


def resolved(resolver: Callable[..., Any], description: str) -> Any:
    """A field that ``resolver`` answers."""
    return strawberry.field(resolver=resolver, description=description)


def _content(root: Any, info: Info) -> Any:
    return getattr(root, info.python_name) if Scope.READ_CONTENT in info.context.access.scopes else None
