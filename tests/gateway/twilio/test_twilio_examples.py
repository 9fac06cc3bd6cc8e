"""Twilio's own example bodies go through the mapping into the archive, and come out of GraphQL with every property."""

import json
from typing import Any

import pytest
from strawberry.utils.str_converters import to_camel_case

import bodies
from checkout import DATA
from gateway_under_test import asker
from store import twilio_mapping
from store.archive import open_archive
from store.columns import ColumnType, columns
from store.engine.database import Database

EXAMPLES: dict[str, bodies.Body] = json.loads((DATA / "twilio_examples.json").read_text("utf-8"))
PARENTS = [bodies.service(0, sid="KS" + "a" * 32), bodies.session(0, sid="KC" + "a" * 32, service_sid="KS" + "a" * 32)]
SIDES = ("inbound", "outbound")
OF_A_PARTICIPANTS_LIST = {"participant_sid"}
"""Properties of the example of a MessageInteraction that an Interaction lacks; they are kept in ``extra``."""


def shown(name: str, given: Any, kind: ColumnType) -> Any:
    """The GraphQL value of a property of Twilio's."""
    if given is None:
        return None
    if kind is ColumnType.INSTANT:
        return given.replace("Z", ".000Z")
    return given.upper().replace("-", "_") if kind is ColumnType.ENUM else given


@pytest.mark.parametrize("example", EXAMPLES)
async def test_graphql_returns_every_property_of_an_example(example: str, database: Database) -> None:
    body = EXAMPLES[example]
    kind = bodies.RECORD_TYPES[body["sid"][:2]]
    kinds = {column.name: column.column_type for column in columns(kind)}
    given = {
        name: value for name, value in body.items() if name not in twilio_mapping.LEFT_OUT | OF_A_PARTICIPANTS_LIST
    }
    legs = {name for name in given if name.split("_")[0] in SIDES}
    fields = [to_camel_case(name) for name in given if name not in legs]
    for side in SIDES if legs else ():
        leg = " ".join(to_camel_case(name.removeprefix(f"{side}_")) for name in legs if name.startswith(side))
        fields.append(f"{side} {{ {leg} }}")
    async with open_archive(database) as archive:
        await bodies.put(archive, *PARENTS, body)
        answer = await asker(archive)(
            f"query ($id: ID!) {{ node(id: $id) {{ ... on {kind.noun} {{ {' '.join(fields)} }} }} }}", id=body["sid"]
        )
    assert "errors" not in answer, answer
    node = answer["data"]["node"]
    for name, value in given.items():
        side, _, rest_of_name = name.partition("_")
        holder, field = (node[side] or {}, rest_of_name) if name in legs else (node, name)
        assert holder.get(to_camel_case(field)) == shown(name, value, kinds[name]), name
