"""Builds the schema once, and prints it as SDL."""

from pathlib import Path
from typing import Any

import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLScalarType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from schema.deletions import Mutation
from schema.enums import open_enum
from schema.feed.subscription import Subscription
from schema.fields import enforce_scope
from schema.interactions import Interaction
from schema.participants import Participant
from schema.query import Query
from schema.scalars import DATE_TIME, DateTime, coerce_id
from schema.services import Service
from schema.sessions import Session

SDL_FILE = Path(__file__).with_name("schema.graphql")

SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[Service, Session, Participant, Interaction],
    config=StrawberryConfig(scalar_map={DateTime: DATE_TIME}),
)

EXECUTABLE: GraphQLSchema = SCHEMA._schema
"""The same schema for graphql-core, which executes it."""

for _type in EXECUTABLE.type_map.values():
    if isinstance(_type, GraphQLScalarType) and _type.name == "ID":
        _type.coerce_input_value = coerce_id
    if isinstance(_type, GraphQLEnumType) and "UNKNOWN" in _type.values:
        open_enum(_type)
    if isinstance(_type, GraphQLObjectType):
        for _field in _type.fields.values():
            enforce_scope(_field)


def _is_one_of(type_: Any, _info: Any) -> bool | None:
    return (
        bool(type_.extensions["strawberry-definition"].is_one_of) if isinstance(type_, GraphQLInputObjectType) else None
    )


# Strawberry 0.341's resolver of __Type.isOneOf raises an error for lists and non-null types.
_type_type = EXECUTABLE.type_map["__Type"]
if isinstance(_type_type, GraphQLObjectType):
    _type_type.fields["isOneOf"].resolve = _is_one_of


def printed() -> str:
    """The schema in GraphQL's schema definition language."""
    return SCHEMA.as_str() + "\n"
