"""The schema, built once, and its printed form."""

from pathlib import Path
from typing import Any

import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLScalarType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from schema.deletions import Mutation
from schema.enums import open_enum
from schema.fields import guard
from schema.interactions import Interaction
from schema.participants import Participant
from schema.query import Query
from schema.scalars import DATE_TIME, DateTime, identifier
from schema.services import Service
from schema.sessions import Session

SDL_FILE = Path(__file__).with_name("schema.graphql")

SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    types=[Service, Session, Participant, Interaction],
    config=StrawberryConfig(scalar_map={DateTime: DATE_TIME}),
)

EXECUTABLE: GraphQLSchema = SCHEMA._schema
"""The same schema as graphql-core runs it."""

for _type in EXECUTABLE.type_map.values():
    if isinstance(_type, GraphQLScalarType) and _type.name == "ID":
        _type.coerce_input_value = identifier
    if isinstance(_type, GraphQLEnumType) and "UNKNOWN" in _type.values:
        open_enum(_type)
    if isinstance(_type, GraphQLObjectType):
        for _field in _type.fields.values():
            guard(_field)


def _is_one_of(kind: Any, _info: Any) -> bool | None:
    return (
        bool(kind.extensions["strawberry-definition"].is_one_of) if isinstance(kind, GraphQLInputObjectType) else None
    )


# Strawberry 0.341's own resolver of it fails on lists and non-null types, which have no definition.
_introspected = EXECUTABLE.type_map["__Type"]
if isinstance(_introspected, GraphQLObjectType):
    _introspected.fields["isOneOf"].resolve = _is_one_of


def printed() -> str:
    """The schema in GraphQL's schema definition language."""
    return SCHEMA.as_str() + "\n"
