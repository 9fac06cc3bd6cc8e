"""A person is found by identifier; a caller without read:content learns nothing about the archive."""

import re
from typing import Any

import pytest
from graphql import GraphQLObjectType

import bodies
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import CostMode, Request
from gateway_under_test import UNLIMITED, Ask, asker
from resolvers.access import ANYBODY, Scope, granted
from resolvers.arguments.filters import CONTENT
from resolvers.context import Context
from schema.build import EXECUTABLE
from store.engine.protocols import Archive
from store.interactions import InteractionFilter
from store.participants import ParticipantFilter
from store.sessions import SessionFilter

READER, DESK = granted("console", ["read", "delete"]), granted("desk", ["read:content"])
ANNA, PROXY, NOBODY = "+12025550101", "+12025550102", "+12025550199"
BOTH_SID = bodies.sid("KC", 2)


@pytest.fixture(params=[True, False], ids=["planned", "ordinary"])
def plans(request: pytest.FixtureRequest) -> PlanCache | None:
    return PlanCache() if request.param else None


@pytest.fixture(autouse=True)
async def conversations(archive: Archive) -> None:
    """Anna is in two Sessions: in the first she calls and is called, from the second she was removed, and came back."""
    await bodies.put(
        archive,
        bodies.service(2),
        bodies.session(2, of=2),
        bodies.session(3, of=2),
        bodies.participant(1, identifier=ANNA, proxy_identifier=PROXY, friendly_name="Rider"),
        bodies.participant(2, identifier="messenger:7"),
        bodies.participant(3, of=2, service_sid=bodies.sid("KS", 2), identifier=ANNA, date_deleted=bodies.time(3)),
        bodies.participant(4, of=2, service_sid=bodies.sid("KS", 2), identifier=ANNA, friendly_name="Rider"),
        bodies.interaction(1),
        bodies.interaction(2, inbound_participant_sid=None, outbound_participant_sid=bodies.sid("KP", 1)),
        bodies.interaction(3, of=2, inbound_participant_sid=bodies.sid("KP", 3), outbound_participant_sid=None),
        bodies.interaction(4, of=2, inbound_participant_sid=bodies.sid("KP", 9), outbound_participant_sid=None),
    )


async def found(ask: Ask, field: str, type_name: str, conditions: dict[str, Any]) -> list[int]:
    query = f"query ($f: {type_name}Filter) {{ {field}(filter: $f) {{ totalCount nodes {{ sid }} }} }}"
    connection = (await ask(query, f=conditions))["data"][field]
    assert connection["totalCount"] == len(connection["nodes"])
    return [int(node["sid"][2:], 16) for node in connection["nodes"]]


@pytest.mark.parametrize(
    ("field", "conditions", "numbers"),
    [
        ("participants", {"identifier": ANNA}, [1, 3, 4]),
        ("participants", {"identifier": [ANNA, "messenger:7"]}, [1, 2, 3, 4]),
        ("participants", {"identifier": [ANNA, ANNA]}, [1, 3, 4]),
        ("participants", {"identifier": ANNA, "removed": True}, [3]),
        ("participants", {"identifier": ANNA, "removed": False, "friendlyName": "Rider"}, [1, 4]),
        ("participants", {"identifier": ANNA, "removed": None, "serviceSid": bodies.sid("KS", 2)}, [3, 4]),
        ("participants", {"proxyIdentifier": PROXY}, [1]),
        ("participants", {"proxyIdentifier": [NOBODY, PROXY], "friendlyName": "rider"}, []),
        ("participants", {"friendlyName": "Rider"}, [1, 4]),
        ("participants", {"sessionSid": BOTH_SID}, [3, 4]),
        ("participants", {"removed": True}, [3]),
        ("participants", {}, [1, 2, 3, 4]),
        ("participants", {"identifier": []}, []),
        ("participants", {"identifier": None}, [1, 2, 3, 4]),
        ("sessions", {"identifier": ANNA}, [1, 2]),
        ("sessions", {"identifier": [NOBODY, "messenger:7"]}, [1]),
        ("sessions", {"identifier": ANNA, "uniqueName": "session-2"}, [2]),
        ("sessions", {"identifier": NOBODY}, []),
        ("interactions", {"identifier": ANNA}, [1, 2, 3]),
        ("interactions", {"identifier": ["messenger:7", ANNA]}, [1, 2, 3]),
        ("interactions", {"identifier": ANNA, "sessionSid": BOTH_SID}, [3]),
        ("interactions", {"identifier": "+1 (202) 555-0101"}, []),
        ("interactions", {"identifier": "+12025550101\0"}, []),
        ("interactions", {"identifier": "", "type": "MESSAGE"}, []),
    ],
)
async def test_a_person_is_found_in_every_session_on_either_leg(
    archive: Archive, plans: PlanCache | None, field: str, conditions: dict[str, Any], numbers: list[int]
) -> None:
    type_name = field.removesuffix("s").capitalize()
    for access in (ANYBODY, DESK):
        assert await found(asker(archive, access, plans), field, type_name, conditions) == numbers


async def test_lists_under_a_service_and_a_session_have_the_same_filter(
    archive: Archive, plans: PlanCache | None
) -> None:
    query = """
    query ($f: ParticipantFilter) { services { nodes {
      participants(filter: $f, orderBy: DATE_CREATED_DESC) { nodes { sid } }
      sessions { nodes { participantsConnection(filter: $f) { totalCount nodes { sid } } } }
    } } }
    """
    first, second = (await asker(archive, ANYBODY, plans)(query, f={"identifier": ANNA}))["data"]["services"]["nodes"]
    kp = [{"sid": bodies.sid("KP", number)} for number in range(5)]
    assert (first["participants"]["nodes"], second["participants"]["nodes"]) == ([kp[1]], [kp[4], kp[3]])
    pages = [node["participantsConnection"] for service in (first, second) for node in service["sessions"]["nodes"]]
    assert pages == [
        {"totalCount": 1, "nodes": [kp[1]]},
        {"totalCount": 2, "nodes": [kp[3], kp[4]]},
        {"totalCount": 0, "nodes": []},
    ]


FORBIDDEN = [
    ("participants", "ParticipantFilter", "identifier"),
    ("participants", "ParticipantFilter", "proxyIdentifier"),
    ("sessions", "SessionFilter", "identifier"),
    ("interactions", "InteractionFilter", "identifier"),
]
PATHS = {
    "": "%s",
    "service": f'service(sid: "{bodies.sid("KS", 1)}") {{ %s }}',
    "session": f'session(sid: "{bodies.sid("KC", 1)}") {{ %s }}',
    "participant": f'node(id: "{bodies.sid("KP", 1)}") {{ ... on Participant {{ %s }} }}',
}
FIELDS = [
    *((path, *of) for of in FORBIDDEN for path in ("", "service")),
    *(("session", "participantsConnection", *of[1:]) for of in FORBIDDEN[:2]),
    ("session", *FORBIDDEN[3]),
    ("participant", *FORBIDDEN[3]),
]


def asked(path: str, field: str, type_name: str) -> str:
    page = f"{field}(filter: $f, after: $a, first: $n) {{ totalCount nodes {{ sid }} edges {{ cursor }} }}"
    return f"query ($f: {type_name}, $a: String, $n: Int) {{ {PATHS[path] % page} }}"


@pytest.mark.parametrize(("path", "field", "type_name", "condition"), FIELDS)
async def test_without_read_content_the_answer_is_the_same_for_a_known_and_an_unknown_person(
    archive: Archive, plans: PlanCache | None, path: str, field: str, type_name: str, condition: str
) -> None:
    """Also to one who shows a cursor of the list, which would fit only the identifier that it was given for."""
    query, known = asked(path, field, type_name), PROXY if condition == "proxyIdentifier" else ANNA
    allowed = await asker(archive, DESK, plans)(query, f={condition: known})
    assert "errors" not in allowed
    cursor = cursors(allowed["data"])[0]
    answers = []
    for given in (known, NOBODY, [known, NOBODY], []):
        for more in ({}, {"a": cursor}, {"a": "no cursor"}, {"n": -1}):
            answer = await asker(archive, READER, plans)(query, f={condition: given}, **more)
            answers.append(answer)
    assert all(answer == answers[0] for answer in answers)
    (error,) = answers[0]["errors"]
    expected = f"Expected a key with the scope read:content for {condition}, but got a key without it."
    assert (error["message"], error["extensions"]) == (expected, {"code": "FORBIDDEN"})
    assert "errors" not in await asker(archive, READER, plans)(query, f={condition: None})


def cursors(data: Any) -> list[str]:
    if isinstance(data, list):
        return [cursor for each in data for cursor in cursors(each)]
    if not isinstance(data, dict):
        return []
    return [data["cursor"]] if "cursor" in data else cursors(list(data.values()))


@pytest.mark.parametrize(("path", "field", "type_name", "condition"), FIELDS)
async def test_what_is_forbidden_reads_no_row_of_the_list_and_costs_the_same(
    archive: Archive, path: str, field: str, type_name: str, condition: str
) -> None:
    """So it takes the same time: neither the plan nor the ordinary path has looked for the person."""
    query, cache, results = asked(path, field, type_name), PlanCache(), []
    for given in (PROXY if condition == "proxyIdentifier" else ANNA, NOBODY):
        request = Request(query, variables={"f": {condition: given}}, cost_mode=CostMode.REPORT)
        for plans in (cache, None):
            context = Context(archive, access=READER)
            result = await execute(request, context, UNLIMITED, plans)
            assert (result.is_planned, result.code) == (False, "FORBIDDEN")
            assert not [ran for ran in context.reader.statements if "participant_by" in ran.sql or "person" in ran.sql]
            results.append((result.encoded(), result.cost, len(context.reader.statements)))
    assert results[0] == results[1] == results[2] == results[3]


def test_every_condition_on_a_field_with_content_is_known_to_need_the_scope() -> None:
    content = {
        field.extensions["strawberry-definition"].python_name
        for type_ in EXECUTABLE.type_map.values()
        if isinstance(type_, GraphQLObjectType)
        for field in type_.fields.values()
        if "strawberry-definition" in field.extensions
        and field.extensions["strawberry-definition"].metadata.get("scope") is Scope.READ_CONTENT
    }
    assert content == {"identifier", "data", "body"}
    conditions = {name for type_ in (InteractionFilter, ParticipantFilter, SessionFilter) for name in type_.conditions}
    assert {
        name for name in conditions if any(re.match(f"{column}(_|$)", name) for column in content)
    } <= CONTENT.keys()
    assert conditions >= CONTENT.keys()


async def test_a_plan_that_one_key_made_answers_no_other_key(archive: Archive) -> None:
    cache = PlanCache()
    query = f'{{ interactions(filter: {{ identifier: "{ANNA}" }}) {{ totalCount }} }}'
    for access in (DESK, READER, ANYBODY, READER):
        result = await execute(Request(query), Context(archive, access=access), UNLIMITED, cache)
        assert result.is_planned is (access is not READER)
        assert b"FORBIDDEN" in result.encoded() or access is not READER


@pytest.mark.parametrize("condition", ["identifier", "proxyIdentifier"])
async def test_a_list_of_too_many_gets_a_sentence_that_quotes_none(
    archive: Archive, plans: PlanCache | None, condition: str
) -> None:
    query = "query ($f: ParticipantFilter) { participants(filter: $f) { totalCount } }"
    ask = asker(archive, DESK, plans)
    assert "errors" not in await ask(query, f={condition: [NOBODY] * 50})
    (error,) = (await ask(query, f={condition: [NOBODY] * 51}))["errors"]
    expected = f"Expected {condition} to be a list of up to 50 texts, but got 51."
    assert (error["message"], error["extensions"]) == (expected, {"code": "BAD_USER_INPUT"})


async def test_statements_do_not_grow_with_the_sessions_of_a_person(archive: Archive, ask: Ask) -> None:
    query = """
    query ($f: InteractionFilter, $s: SessionFilter) {
      interactions(filter: $f, first: 5) { totalCount nodes { sid } } sessions(filter: $s, first: 5) { nodes { sid } }
    }
    """
    conditions = {"f": {"identifier": ANNA}, "s": {"identifier": ANNA}}
    before = (await ask(query, **conditions)).statements
    numbers = range(10, 60)
    await bodies.put(
        archive,
        *(bodies.session(number) for number in numbers),
        *(bodies.participant(number, of=number, identifier=ANNA) for number in numbers),
        *(bodies.interaction(n, of=n, inbound_participant_sid=bodies.sid("KP", n)) for n in numbers),
    )
    answer = await ask(query, **conditions)
    assert answer["data"]["interactions"]["totalCount"] == 53
    assert answer.statements == before
