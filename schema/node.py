"""The Node interface of Relay's Global Object Identification; the id is the SID."""

from typing import Any, ClassVar

import strawberry

from resolvers.resolver_specs import ColumnSpec, resolver_spec
from schema.fields import resolved
from store.columns import Record


@resolver_spec(ColumnSpec("sid"))
def _id(root: Record) -> str:
    return root.sid


@strawberry.interface(
    description="An object that can be fetched again by its id (https://relay.dev/graphql/objectidentification.htm)."
)
class Node:
    """The interface of all four resources. A type is a view of the record type ``of``."""

    of: ClassVar[type[Record]]

    id: strawberry.ID = resolved(
        _id, "The SID. It is unique in all of Twilio, and its first two letters name the type."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        """Whether ``value`` is a record of this type."""
        return isinstance(value, cls.of)
