"""Declares a field together with its resolver, in one line.

Resolvers return the store's records. A schema type is a view of a record: Strawberry reads the type's fields from the
record's attributes. Type checkers can't know that, so these functions return Any; tests/schema/test_schema.py checks
that each field has a resolver or an attribute of the right type.
"""

from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLResolveInfo

from resolvers.access import Scope


def column(description: str) -> Any:
    """A field whose value is the record's attribute of the same name."""
    return strawberry.field(description=description)


def content(description: str) -> Any:
    """A column with personal data: null if the request lacks the scope read:content (see schema/withheld.py)."""
    return strawberry.field(description=description, metadata={"scope": Scope.READ_CONTENT})


def resolved(resolver: Callable[..., Any], description: str) -> Any:
    """A field whose value ``resolver`` returns."""
    return strawberry.field(resolver=resolver, description=description)


def subscribed(resolver: Callable[..., Any], description: str) -> Any:
    """A field of subscriptions: each value that the async generator ``resolver`` yields is an event."""
    return strawberry.subscription(resolver=resolver, description=description)


def enforce_scope(field: GraphQLField) -> None:
    """Makes the field null for requests without the scope that it needs, if it needs one.

    This replaces the field's resolver in graphql-core: one written in Strawberry takes 6 µs, as long as a whole row.
    """
    definition = field.extensions.get("strawberry-definition")
    if definition is None or "scope" not in definition.metadata:
        return
    name, scope = definition.python_name, definition.metadata["scope"]

    def resolve(root: Any, info: GraphQLResolveInfo[Any]) -> Any:
        return getattr(root, name) if scope in info.context.access.scopes else None

    field.resolve = resolve
