"""The fuzzer finds nothing in some hundred requests, but finds planted errors; tests/benchmarks/fuzz.py sends more."""

import copy
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from fuzz import FuzzResult, fuzz
from response_checks import InvalidResponse, check_shape, check_types
from schema.build import EXECUTABLE

REQUESTS, SEED, SECONDS = 150, 20_261_124, 60
DOCUMENT = """
query ($deep: Boolean = false) {
  node(id: "KI") { id ... on Interaction { type inbound { resourceSid } dateCreated } }
  services { __typename totalCount nodes { sid uniqueName @skip(if: $deep) } }
}
"""
DATA: dict[str, Any] = {
    "node": {
        "id": "KI",
        "type": "VOICE",
        "inbound": {"resourceSid": None},
        "dateCreated": "2026-05-04T09:30:00.000Z",
    },
    "services": {"__typename": "ServiceConnection", "totalCount": 1, "nodes": [{"sid": "KS", "uniqueName": "x"}]},
}
ERROR = {"message": "No.", "locations": [{"line": 1, "column": 2}], "path": ["a", 0], "extensions": {"code": "BUSY"}}


@pytest.mark.processes
def test_no_request_gets_a_wrong_response(tmp_path: Path) -> None:
    """Each request goes to a server with plans and to one without."""
    result = fuzz(tmp_path, REQUESTS, SEED, SECONDS, lambda _: None)
    assert result.findings == []
    assert len(result.outcomes) > 15


def check(data: Any, **variables: Any) -> None:
    check_types(EXECUTABLE, parse(DOCUMENT), None, variables, data)


def changed(path: str, value: Any) -> Any:
    data: Any = copy.deepcopy(DATA)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inside = data
    for step in steps:
        inside = inside[step]
    inside[last] = value
    return data


def test_data_as_selected_passes() -> None:
    check(DATA)
    check(changed("node", None))
    check(changed("node", {"id": "KS"}))
    check(changed("services.nodes.0", {"sid": "KS"}), deep=True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("node.type", "NOWHERE"),
        ("node.type", None),
        ("node.dateCreated", "2026-05-04"),
        ("node.more", 1),
        ("services", None),
        ("services.totalCount", 2**31),
        ("services.totalCount", True),
        ("services.__typename", "Service"),
        ("services.nodes", {}),
        ("services.nodes.0", None),
        ("services.nodes.0.sid", 7),
        ("services.nodes.0", {"uniqueName": "x", "sid": "KS"}),
        ("services.nodes.0", {"sid": "KS"}),
    ],
)
def test_data_other_than_selected_is_found(path: str, value: Any) -> None:
    with pytest.raises(InvalidResponse):
        check(changed(path, value))


@pytest.mark.parametrize(
    "response",
    [
        [],
        {},
        {"data": {}, "more": 1},
        {"data": {}, "extensions": []},
        {"errors": []},
        *({"errors": [ERROR | {name: value}]} for name, value in (("message", 7), ("path", "a"), ("extensions", {}))),
        {"errors": [ERROR | {"locations": [{"line": 0, "column": 1}]}]},
        {"errors": [ERROR | {"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]},
    ],
)
def test_a_malformed_response_is_found(response: Any) -> None:
    check_shape({"data": None, "errors": [ERROR]})
    with pytest.raises(InvalidResponse):
        check_shape(response)


@pytest.mark.parametrize(("at_the_end", "grown"), [(109, False), (125, True)])
def test_growing_memory_is_found(at_the_end: float, grown: bool) -> None:
    sizes = [(80.0, 80.0), (100.0, 100.0), (100.0, at_the_end)]
    assert FuzzResult(outcomes=[], findings=[], memory=sizes, seconds=1).grown is grown  # type: ignore[arg-type]
