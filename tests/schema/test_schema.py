"""The schema as clients see it: committed, described, complete, and a true view of the store's records."""

import json
import re
from collections.abc import Iterator
from enum import StrEnum

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
)
from strawberry.utils.str_converters import to_camel_case

import bodies
from checkout import DATA
from gateway.cli.commands import commands
from gateway_under_test import Ask
from resolvers import connections, deletions
from resolvers.access import Scope
from schema.build import EXECUTABLE, SDL_FILE, printed
from schema.node import Node
from store import enums, twilio_mapping
from store.columns import columns
from store.engine.protocols import Archive
from store.interactions import Leg
from store.sync.left_out import LeftOut
from store.sync.status import ServiceSync, SyncStatus

VOCABULARY = json.loads((DATA / "twilio_vocabulary.json").read_text("utf-8"))
TWILIOS = json.loads((DATA / "twilio_proxy_v1.json").read_text("utf-8"))
RESOURCES = {kind.table: kind for kind in bodies.RECORD_TYPES.values()}
OURS = [kind for name, kind in EXECUTABLE.type_map.items() if not name.startswith("__")]

KEPT_TO_OURSELVES = {"extra"}
"""Columns without a field."""

SHOWN_AS_LEGS = {f"{side}_{name}" for side in ("inbound", "outbound") for name in Leg.__struct_fields__}


def object_type(name: str) -> GraphQLObjectType:
    found = EXECUTABLE.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert SDL_FILE.read_text("utf-8") == printed()


def described(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    yield kind.name, kind.description
    if isinstance(kind, GraphQLEnumType):
        yield from ((f"{kind.name}.{name}", value.description) for name, value in kind.values.items())
    if isinstance(kind, GraphQLInputObjectType):
        yield from ((f"{kind.name}.{name}", field.description) for name, field in kind.fields.items())
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        for name, field in kind.fields.items():
            yield f"{kind.name}.{name}", field.description
            for argument, definition in field.args.items():
                yield f"{kind.name}.{name}({argument}:)", definition.description


@pytest.mark.parametrize("kind", [kind for kind in OURS if not kind.name.startswith(("Boolean", "Float"))], ids=str)
def test_everything_is_described_in_sentences(kind: GraphQLNamedType) -> None:
    for coordinate, description in described(kind):
        assert description, coordinate
        assert description[0].isupper(), coordinate
        assert description.strip().endswith((".", ").")) or isinstance(kind, GraphQLScalarType), coordinate


FILLER = re.compile(r"\b(an?|and|are|at|for|has|have|in|its?|is|of|on|one|or|that|the|this|to|was|were|when|with)\b")


def words_in(text: str) -> set[str]:
    """The words of a text, also of a camelCase or UPPER_CASE name, without endings."""
    found = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)
    return {re.sub(r"(ed|s)$", "", word.lower()) for word in found if not FILLER.fullmatch(word.lower())}


@pytest.mark.parametrize("kind", [kind for kind in OURS if not isinstance(kind, GraphQLScalarType)], ids=str)
def test_a_description_says_more_than_the_name_does(kind: GraphQLNamedType) -> None:
    words_by_coordinate = {
        coordinate: words_in(description or "") - words_in(coordinate) for coordinate, description in described(kind)
    }
    assert [coordinate for coordinate, words in words_by_coordinate.items() if len(words) < 2] == []


@pytest.mark.parametrize("table", RESOURCES)
def test_twilios_properties_are_the_columns_and_the_fields(table: str) -> None:
    twilios = set(VOCABULARY["properties"][table]) - twilio_mapping.LEFT_OUT
    kept = {column.name for column in columns(RESOURCES[table])} - KEPT_TO_OURSELVES
    added = {"session": {"archived_at", "kept_at"}, "interaction": {"body", "duration_seconds", "kept_at"}}.get(
        table, set()
    )
    assert kept - added == twilios
    fields = set(object_type(table.title()).fields)
    shown = {to_camel_case(name) for name in kept - (SHOWN_AS_LEGS if table == "interaction" else set())}
    assert shown <= fields


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (enums.InteractionType, "interaction_enum_type"),
        (enums.ResourceStatus, "interaction_enum_resource_status"),
        (enums.SessionStatus, "session_enum_status"),
        (enums.SessionMode, "session_enum_mode"),
        (enums.GeoMatchLevel, "service_enum_geo_match_level"),
        (enums.NumberSelectionBehavior, "service_enum_number_selection_behavior"),
    ],
)
def test_the_enums_have_twilios_values_in_capitals_and_unknown(words: type[StrEnum], listed: str) -> None:
    twilios = VOCABULARY["enums"][listed]
    assert set(words) == {*twilios, "unknown"}
    shown = EXECUTABLE.type_map[words.__name__]
    assert isinstance(shown, GraphQLEnumType)
    assert list(shown.values) == [word.upper().replace("-", "_") for word in words]


VIEWS = {
    "Leg": Leg,
    "PageInfo": connections.PageInfo,
    "DeleteInteractionPayload": deletions.Deletion,
    "DeleteInteractionError": deletions.DeletionError,
    "RemainingResource": deletions.RemainingResource,
    "SyncStatus": SyncStatus,
    "SyncRun": SyncStatus,
    "ServiceSync": ServiceSync,
    "LeftOut": LeftOut,
} | {kind.noun: kind for kind in bodies.RECORD_TYPES.values()}


@pytest.mark.parametrize("name", VIEWS)
def test_a_field_without_a_resolver_is_an_attribute_of_its_record(name: str) -> None:
    for field_name, field in object_type(name).fields.items():
        strawberry_field = field.extensions["strawberry-definition"]
        if not strawberry_field.base_resolver or strawberry_field.metadata.get("scope"):
            assert hasattr(VIEWS[name], strawberry_field.python_name), f"{name}.{field_name}"


@pytest.mark.parametrize("table", RESOURCES)
def test_a_field_is_non_null_exactly_if_its_column_is(table: str) -> None:
    fields = object_type(table.title()).fields
    for column in columns(RESOURCES[table]):
        if field := fields.get(to_camel_case(column.name)):
            assert isinstance(field.type, GraphQLNonNull) is not column.nullable, column.name


def test_what_twilio_marks_as_personal_is_content() -> None:
    """The properties that Twilio marks as personal (``x-twilio.pii``), and the message's text, part of one."""
    schemas = TWILIOS["components"]["schemas"]
    marked = {
        f"{table.title()}.{to_camel_case(name)}"
        for table, path in (("interaction", ".session.interaction"), ("participant", ".session.participant"))
        for name, property_ in schemas[f"proxy.v1.service{path}"]["properties"].items()
        if "pii" in property_.get("x-twilio", {})
    }
    content = {
        f"{kind.name}.{name}"
        for kind in OURS
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if field.extensions["strawberry-definition"].metadata.get("scope") == Scope.READ_CONTENT
    }
    assert (
        content == marked | {"Interaction.body"} == {"Interaction.data", "Interaction.body", "Participant.identifier"}
    )


def test_the_four_resources_are_nodes_and_know_their_records() -> None:
    node = EXECUTABLE.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert {kind.name for kind in EXECUTABLE.get_possible_types(node)} == {
        kind.noun for kind in bodies.RECORD_TYPES.values()
    }
    assert {kind.of for kind in Node.__subclasses__()} == set(bodies.RECORD_TYPES.values())


def test_every_connection_has_the_same_arguments_and_fields() -> None:
    found = 0
    for kind in OURS:
        for field in kind.fields.values() if isinstance(kind, GraphQLObjectType) else ():
            shown = get_named_type(field.type)
            if shown.name.endswith("Connection") and shown.name != "ChangeConnection":
                found += 1
                rows = shown.name.removesuffix("Connection")
                own = {"filter": f"{rows}Filter", "orderBy": f"{rows}Order"} if rows != "Service" else {}
                assert {name: str(argument.type) for name, argument in field.args.items()} == own | {
                    "first": "Int",
                    "after": "String",
                    "last": "Int",
                    "before": "String",
                }
                assert isinstance(shown, GraphQLObjectType)
                assert list(shown.fields) == ["edges", "nodes", "pageInfo", "totalCount", "totalCountCapped"]
    assert found == 10


def test_the_only_mutation_deletes() -> None:
    assert EXECUTABLE.mutation_type is not None
    assert list(EXECUTABLE.mutation_type.fields) == ["deleteInteraction"]


def test_the_custom_scalar_links_to_its_specification() -> None:
    standard = {"ID", "String", "Int", "Float", "Boolean"}
    scalars = [kind for kind in OURS if isinstance(kind, GraphQLScalarType) and kind.name not in standard]
    assert [(scalar.name, scalar.specified_by_url) for scalar in scalars] == [
        ("DateTime", "https://scalars.graphql.org/andimarek/date-time.html")
    ]


async def test_an_unlisted_enum_value_is_shown_as_unknown(ask: Ask, archive: Archive) -> None:
    await bodies.put(archive, bodies.interaction(1, type="Fax", inbound_resource_status="read"))
    async with archive.writer.transaction() as transaction:
        await transaction.execute("UPDATE interaction SET outbound_resource_status = 'odd'")
    answer = await ask("{ interactions { nodes { type inbound { resourceStatus } outbound { resourceStatus } } } }")
    assert answer["data"]["interactions"]["nodes"] == [
        {"type": "UNKNOWN", "inbound": {"resourceStatus": "UNKNOWN"}, "outbound": {"resourceStatus": "UNKNOWN"}}
    ]


def test_the_change_feed_is_read_forwards_only() -> None:
    (query, feed) = object_type("Query"), object_type("ChangeConnection")
    assert set(query.fields["changes"].args) == {"after", "first", "types", "filter"}
    assert list(feed.fields) == ["edges", "nodes", "pageInfo", "latestCursor"]


async def test_every_type_says_whether_it_is_a_one_of(ask: Ask) -> None:
    answer = await ask("{ __schema { types { kind isOneOf fields { type { kind isOneOf ofType { isOneOf } } } } } }")
    assert "errors" not in answer
    said = {(kind["kind"], kind["isOneOf"]) for kind in answer["data"]["__schema"]["types"]}
    assert {one_of for kind, one_of in said if kind != "INPUT_OBJECT"} == {None}
    assert ("INPUT_OBJECT", False) in said


def test_the_commands_have_help() -> None:
    assert all(command.callback and command.callback.__doc__ for command in commands.registered_commands)
