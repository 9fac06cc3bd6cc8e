"""Content is withheld without read:content: it is null, named in the extensions, and not readable by any other path."""

import json

import pytest
from graphql import parse

import bodies
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import CostMode, Request
from gateway_under_test import UNLIMITED, asker
from resolvers.access import ANYBODY, Scope, granted
from resolvers.context import Context
from schema.withheld import scoped_fields, withheld
from store.engine.protocols import Archive

READER = granted("console", ["read"])
BODY, IDENTIFIER, FRIENDLY = "the secret text", "+12025550199", "Rider"
ALL = ["Interaction.body", "Interaction.data", "Participant.identifier"]


@pytest.fixture(params=[True, False], ids=["planned", "ordinary"])
def plans(request: pytest.FixtureRequest) -> PlanCache | None:
    return PlanCache() if request.param else None


@pytest.fixture(autouse=True)
async def conversation(archive: Archive) -> None:
    await bodies.put(
        archive,
        bodies.participant(1, identifier=IDENTIFIER, friendly_name=FRIENDLY),
        bodies.interaction(1, data=json.dumps({"body": BODY})),
        bodies.interaction(2, type="voice", data='{"duration": "37"}'),
    )


async def test_content_is_null_and_the_extensions_say_which(archive: Archive, plans: PlanCache | None) -> None:
    query = (
        "{ interactions { nodes { data body durationSeconds inbound { participant { identifier friendlyName } } } } }"
    )
    answer = await asker(archive, READER, plans)(query)
    person = {"participant": {"identifier": None, "friendlyName": FRIENDLY}}
    assert answer["data"]["interactions"]["nodes"] == [
        {"data": None, "body": None, "durationSeconds": None, "inbound": person},
        {"data": None, "body": None, "durationSeconds": 37, "inbound": person},
    ]
    assert answer["extensions"] == {"withheld": ALL}
    assert "errors" not in answer


async def test_with_read_content_the_response_has_content_and_no_extensions(
    archive: Archive, plans: PlanCache | None
) -> None:
    for access in (granted("console", ["read:content"]), ANYBODY):
        answer = await asker(archive, access, plans)("{ interactions { nodes { body } } }")
        assert answer == {"data": {"interactions": {"nodes": [{"body": BODY}, {"body": None}]}}}


async def test_content_is_withheld_on_every_path_to_a_record(archive: Archive, plans: PlanCache | None) -> None:
    query = """
    query ($ki: ID!, $kp: ID!, $kc: ID!, $ks: ID!) {
      node(id: $ki) { ...all }
      nodes(ids: [$ki, $kp]) { ...all }
      interaction(sid: $ki) { ...interaction }
      session(sid: $kc) {
        interaction(sid: $ki) { ...interaction }
        participant(sid: $kp) { text: identifier }
        participants { identifier interactions { edges { cursor node { ...interaction } } pageInfo { startCursor } } }
      }
      service(sid: $ks) { sessions { nodes { interactions(last: 5) { totalCount nodes { ...interaction } } } } }
    }
    fragment all on Node { ... on Interaction { ...interaction } ... on Participant { identifier } }
    fragment interaction on Interaction { data text: body inbound { participant { identifier } } }
    """
    variables = {prefix.lower(): bodies.sid(prefix, 1) for prefix in ("KI", "KP", "KC", "KS")}
    seen = repr(await asker(archive, ANYBODY, plans)(query, **variables))
    assert BODY in seen
    assert IDENTIFIER in seen
    answer = await asker(archive, READER, plans)(query, **variables)
    assert "errors" not in answer
    assert BODY not in repr(answer)
    assert IDENTIFIER not in repr(answer)
    assert answer["extensions"] == {"withheld": ALL}


async def test_the_withheld_fields_depend_on_the_document_not_on_rows(
    archive: Archive, plans: PlanCache | None
) -> None:
    nothing = await asker(archive, READER, plans)(
        "query ($sid: ID!) { interaction(sid: $sid) { body } }", sid=bodies.sid("KI", 99)
    )
    assert nothing == {"data": {"interaction": None}, "extensions": {"withheld": ["Interaction.body"]}}


FIRST = bodies.sid("KI", 1)
PLANNED = [
    "{ interactions { nodes { sid body inbound { participant { identifier friendlyName } } } } }",
    "query Listed { sessions { nodes { participants { identifier } } } }",
    f'query Found {{ interaction(sid: "{FIRST}") {{ ...all }} }} fragment all on Interaction {{ t: data }}',
    "{ interactions { nodes { sid durationSeconds } } }",
]


@pytest.mark.parametrize("query", PLANNED)
async def test_a_plan_withholds_the_same_in_the_same_bytes(archive: Archive, query: str) -> None:
    """Two keys use the same plans alternately; neither may get what only the other may read."""
    plans = PlanCache()
    for access in (READER, ANYBODY, READER, granted("desk", ["read:content"])):
        planned = await execute(Request(query), Context(archive, access=access), UNLIMITED, plans)
        ordinary = await execute(Request(query), Context(archive, access=access), UNLIMITED)
        assert (planned.is_planned, ordinary.is_planned) == (True, False)
        assert planned.encoded() == ordinary.encoded()
        assert (planned.operation_name, planned.cost) == (ordinary.operation_name, ordinary.cost)


async def test_a_search_in_bodies_is_not_planned(archive: Archive) -> None:
    query = 'query { interactions(filter: {bodyContains: "secret"}) { totalCount } }'
    plans = PlanCache()
    for _ in range(2):
        result = await execute(Request(query), Context(archive, access=READER), UNLIMITED, plans)
        assert (result.is_planned, result.code) == (False, "FORBIDDEN")


async def test_the_withheld_fields_are_listed_beside_the_cost(archive: Archive) -> None:
    request = Request("{ interactions { nodes { body } } }", cost_mode=CostMode.REPORT)
    response = (await execute(request, Context(archive, access=READER), UNLIMITED)).response
    assert response["extensions"]["withheld"] == ["Interaction.body"]
    assert response["extensions"]["cost"]["estimated"] == 52


@pytest.mark.parametrize("text", ["secret", "not there"])
async def test_a_search_in_bodies_is_forbidden_whatever_it_would_match(
    archive: Archive, plans: PlanCache | None, text: str
) -> None:
    query = "query ($text: String) { interactions(filter: {bodyContains: $text}) { totalCount nodes { sid } } }"
    answer = await asker(archive, READER, plans)(query, text=text)
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["message"] == "Expected a key with the scope read:content for bodyContains, but got a key without it."
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert answer.statements == []
    assert "errors" not in await asker(archive, READER, plans)(query, text=None)
    assert "errors" not in await asker(archive, granted("desk", ["read:content"]), plans)(query, text=text)


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ("{ interactions { nodes { sid inbound { participant { proxyIdentifier } } } } }", None, []),
        ("{ interactions { nodes { b: body } } }", None, ["Interaction.body"]),
        ("{ node(id: 1) { ... on Interaction @skip(if: true) { body } } }", None, ["Interaction.body"]),
        ("query A { __typename } query B { interactions { nodes { data } } }", "A", []),
        ("query A { __typename } query B { interactions { nodes { data } } }", "B", ["Interaction.data"]),
        (
            "{ interactions { nodes { ...f data } } } fragment f on Interaction { ...g } "
            "fragment g on Interaction { body session { participants { identifier } } }",
            None,
            ALL,
        ),
    ],
)
def test_the_fields_of_an_operation_are_found_through_fragments(
    document: str, operation: str | None, expected: list[str]
) -> None:
    assert withheld(READER, scoped_fields(parse(document))[operation]) == expected
    assert withheld(ANYBODY, scoped_fields(parse(document))[operation]) == []


def test_each_fragment_is_visited_once() -> None:
    """A chain in which each fragment is spread twice has 2^200 paths."""
    chain = " ".join(f"fragment f{n} on Interaction {{ ...f{n + 1} ...f{n + 1} }}" for n in range(200))
    document = parse(f"{{ interactions {{ nodes {{ ...f0 }} }} }} {chain} fragment f200 on Interaction {{ body }}")
    assert scoped_fields(document)[None] == ((Scope.READ_CONTENT, "Interaction.body"),)


@pytest.mark.parametrize(
    ("scopes", "given"),
    [
        ([], set()),
        (["read"], {Scope.READ}),
        (["read:content"], {Scope.READ, Scope.READ_CONTENT}),
        (["delete"], {Scope.READ, Scope.DELETE}),
        (["openid", "email"], set()),
        (["openid", "delete"], {Scope.READ, Scope.DELETE}),
    ],
)
def test_every_scope_includes_read_and_no_other_scope(scopes: list[str], given: set[Scope]) -> None:
    assert granted("console", scopes).scopes == given
