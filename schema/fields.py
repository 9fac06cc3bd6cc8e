"""A field and how it is answered, in one line.

Resolvers return the store's records, of which the schema's types are a view: the record is what Strawberry
reads attributes from. Type checkers can't know that, so the pair is typed Any; tests/schema/test_schema.py
walks the schema and holds types and records together.
"""

from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLResolveInfo

from resolvers.access import Scope


def column(description: str) -> Any:
    """A field that is the record's attribute of the same name."""
    return strawberry.field(description=description)


def content(description: str) -> Any:
    """A column with personal data: null without the scope read:content (see schema/withheld.py)."""
    return strawberry.field(description=description, metadata={"scope": Scope.READ_CONTENT})


def resolved(resolver: Callable[..., Any], description: str) -> Any:
    """A field that ``resolver`` answers."""
    return strawberry.field(resolver=resolver, description=description)


def guard(field: GraphQLField) -> None:
    """Makes a field that needs a scope null if the request lacks the scope.

    This replaces the resolver of graphql-core. A resolver of Strawberry takes 6 µs a field, as much as a whole row.
    """
    definition = field.extensions.get("strawberry-definition")
    if definition is None or "scope" not in definition.metadata:
        return
    name, scope = definition.python_name, definition.metadata["scope"]

    def resolve(root: Any, info: GraphQLResolveInfo[Any]) -> Any:
        return getattr(root, name) if scope in info.context.access.scopes else None

    field.resolve = resolve
