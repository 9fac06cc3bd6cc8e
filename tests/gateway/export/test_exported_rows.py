"""An export contains the rows that the API returns, in the same order and with the same bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

import edge_case_rows
from exporting import exported
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request
from gateway.export import filter_options
from gateway.export.filter_options import FilterOption, InvalidOptions, options_of, selection_of
from gateway.export.resources import Resource, resources
from gateway_under_test import UNLIMITED
from resolvers.context import Context
from store.engine.database import Database
from store.engine.protocols import Archive
from store.exports import snapshots

NAMES = sorted(resources())
NAMES_WITH_ORDERS = [
    (name, order) for name in NAMES if (kind := resources()[name].order_type) is not None for order in kind.values
]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each export reads many pages."""
    monkeypatch.setattr(snapshots, "ROWS_PER_READ", 7)


async def answered(
    archive: Archive, name: str, selection: str, variables: Mapping[str, Any], plans: PlanCache | None
) -> list[bytes]:
    """The text of the nodes on each page of the API's list, as the server writes it."""
    resource = resources()[name]
    declared, arguments = [], ["first: 100", "after: $after"]
    if resource.filter_type:
        declared.append(f"$filter: {resource.filter_type.name}")
        arguments.append("filter: $filter")
    if resource.order_type:
        declared.append(f"$order: {resource.order_type.name}")
        arguments.append("orderBy: $order")
    document = (
        f"query ({', '.join(['$after: String', *declared])}) {{ {name}({', '.join(arguments)}) "
        f"{{ nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    pages, after = [], None
    while True:
        request = Request(document, variables={**variables, "after": after})
        payload = (await execute(request, Context(archive), UNLIMITED, plans)).encoded()
        answer = orjson.loads(payload)
        assert "errors" not in answer, answer
        before, between = b'{"data":{"%b":{"nodes":[' % name.encode(), b'],"pageInfo":'
        assert payload.startswith(before)
        pages.append(payload[len(before) : payload.rindex(between)])
        info = answer["data"][name]["pageInfo"]
        if not info["hasNextPage"]:
            return pages
        after = info["endCursor"]


@pytest.mark.parametrize("planned", [True, False], ids=["planned", "ordinary"])
@pytest.mark.parametrize("name", NAMES)
async def test_json_lines_have_the_same_bytes_as_the_nodes_of_the_api(
    edge_case_archive: Archive, database: Database, tmp_path: Path, name: str, planned: bool
) -> None:
    plans = PlanCache() if planned else None
    pages = await answered(edge_case_archive, name, resources()[name].selection, {}, plans)
    lines = exported(database, tmp_path / "all.jsonl", name)
    assert lines.endswith(b"}\n")
    assert lines[:-1].replace(b"\n", b",") == b",".join(pages)


@pytest.mark.parametrize(("name", "order"), NAMES_WITH_ORDERS)
async def test_an_export_has_the_order_of_the_list(
    edge_case_archive: Archive, database: Database, tmp_path: Path, name: str, order: str
) -> None:
    pages = await answered(edge_case_archive, name, "sid", {"order": order}, PlanCache())
    lines = exported(database, tmp_path / "all.jsonl", name, {"--order-by": [order]})
    assert [orjson.loads(line)["sid"] for line in lines.splitlines()] == sids_of(pages)


def sids_of(pages: Sequence[bytes]) -> list[str]:
    return [node["sid"] for page in pages for node in orjson.loads(b"[%b]" % page)]


async def samples(archive: Archive, resource: Resource, option: FilterOption) -> list[str]:
    """Values for an option that match some rows."""
    if option.kind.name == "Boolean":
        return ["true", "false"]
    if option.kind.name == "DateTime":
        return ["2026-01-01T00:05:00Z"]
    column = {
        "participant_sid": "inbound_participant_sid",
        "resource_sid": "outbound_resource_sid",
        "inbound_status": "inbound_resource_status",
        "outbound_status": "outbound_resource_status",
        "body_contains": "body",
    }.get(option.path[0], option.path[0])
    table = "participant" if column == "identifier" else resource.record.table
    found = await archive.fetch(
        f"SELECT DISTINCT {column} FROM {table} WHERE length({column}) BETWEEN 2 AND 99 ORDER BY 1"
    )
    values = [str(row[0]) for row in found if "\x00" not in row[0]]
    if isinstance(option.kind, GraphQLEnumType):
        values = [value for value in values if value in {str(word.value) for word in option.kind.values.values()}]
    return values[-2:]


def input_of(option: FilterOption, resource: Resource, values: Sequence[str]) -> Any:
    """The same condition as a client gives it to the API."""
    value: Any = list(values) if option.takes_several else values[0]
    if option.kind.name == "Boolean":
        value = values[0] == "true"
    elif isinstance(option.kind, GraphQLEnumType):
        value = [next(name for name, word in option.kind.values.items() if word.value == each) for each in values]
    kind: Any = resource.filter_type
    names = []
    for name in option.path:
        names.append(next(key for key, each in kind.fields.items() if python_name(each) == name))
        kind = get_named_type(kind.fields[names[-1]].type)
    for name in reversed(names):
        value = {name: value}
    return value


def python_name(each: Any) -> str:
    name: str = each.extensions["strawberry-definition"].python_name
    return name


async def test_each_filter_selects_the_same_rows_as_in_the_api(
    edge_case_archive: Archive, database: Database, tmp_path: Path
) -> None:
    tried = 0
    for name in NAMES:
        resource = resources()[name]
        for option in options_of(resource):
            values = await samples(edge_case_archive, resource, option)
            assert values, option
            for given in [values] if option.takes_several else [[value] for value in values]:
                variables = {"filter": input_of(option, resource, given)}
                expected = sids_of(await answered(edge_case_archive, name, "sid", variables, PlanCache()))
                lines = exported(database, tmp_path / "some.jsonl", name, {option.spelling: given})
                assert [orjson.loads(line)["sid"] for line in lines.splitlines()] == expected, (option, given)
                tried += bool(expected)
    assert tried > 20


async def test_several_conditions_are_all_met(edge_case_archive: Archive, database: Database, tmp_path: Path) -> None:
    given = {"--type": ["MESSAGE", "voice"], "--outbound-status": ["NO_ANSWER", "in-progress", "delivered"]}
    asked = {"type": ["MESSAGE", "VOICE"], "outboundStatus": ["NO_ANSWER", "IN_PROGRESS", "DELIVERED"]}
    lines = exported(database, tmp_path / "some.jsonl", given=given).splitlines()
    expected = sids_of(await answered(edge_case_archive, "interactions", "sid", {"filter": asked}, PlanCache()))
    assert [orjson.loads(line)["sid"] for line in lines] == expected != []


def test_every_field_of_the_apis_filters_is_an_option_of_the_same_name() -> None:
    def spelled(kind: GraphQLInputObjectType, before: str) -> list[str]:
        found = []
        for name, each in kind.fields.items():
            words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
            inner = get_named_type(each.type)
            found += (
                spelled(inner, f"{before}{words}-") if isinstance(inner, GraphQLInputObjectType) else [before + words]
            )
        return found

    assert NAMES == ["interactions", "participants", "services", "sessions"]
    for resource in resources().values():
        expected = spelled(resource.filter_type, "--") if resource.filter_type else []
        assert [option.spelling for option in options_of(resource)] == expected
    assert {option.spelling for option in options_of(resources()["interactions"])} >= {"--identifier", "--type"}


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("interactions", {"--service-sid": ["KC1"]}, "--service-sid: expected the SID of one Service, KS and 32 "),
        ("interactions", {"--type": ["fax"]}, "--type: expected one of MESSAGE, VOICE, UNKNOWN, but got 'fax'."),
        ("interactions", {"--session-sid": ["a", "b"]}, "--session-sid: expected it once, but got it 2 times."),
        ("interactions", {"--date-created-from": ["noon"]}, "--date-created-from: expected a time in ISO 8601"),
        ("interactions", {"--unique-name": ["a"]}, "--unique-name: interactions have no such filter; they have --"),
        ("services", {"--type": ["voice"]}, "--type: services have no such filter; they have none."),
        ("services", {"--order-by": ["up"]}, "--order-by: services can only be ordered by dateCreated."),
        ("sessions", {"--order-by": ["up"]}, "--order-by: expected one of DATE_CREATED_ASC, "),
        ("participants", {"--removed": ["yes"]}, "--removed: expected true or false, but got 'yes'."),
    ],
)
def test_an_invalid_option_is_reported_in_a_sentence(name: str, given: dict[str, list[str]], problem: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        selection_of(resources()[name], given | {filter_options.ORDER_BY: given.get("--order-by", [])})
    (told,) = refused.value.problems
    assert told.startswith(problem)


async def test_a_long_text_is_exported_whole(edge_case_archive: Archive, database: Database, tmp_path: Path) -> None:
    lines = exported(database, tmp_path / "all.jsonl").splitlines()
    assert [row for row in map(orjson.loads, lines) if row["body"] == edge_case_rows.LONG]
