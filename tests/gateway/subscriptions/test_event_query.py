"""Events are answered by compiled plans where their selection allows it, with the same bytes as by graphql-core."""

import pytest
from graphql import get_operation_ast, parse

from bodies import interaction, participant, put, session, sid
from following import CHANGES, INTERACTIONS, following, newest
from gateway.subscriptions.event_query import event_query
from gateway_under_test import serving
from store import keys
from store.engine.protocols import Archive
from store.erasure.interactions import erase

SELECTIONS = [
    "subscription ($after: String) { changes(after: $after) { sid node { id __typename } } }",
    "subscription ($after: String) { of: changes(after: $after) { __typename at a: kind b: type cursor row: node"
    " { ...R } } } fragment R on Node { id ...I } fragment I on Interaction { sid ...L }"
    " fragment L on Interaction { inbound { participant { friendlyName session { sid } } } body }",
    "subscription ($after: String, $with: Boolean!) { changes(after: $after) { sid serviceSid sessionSid node { id"
    " ... on Interaction @include(if: $with) { body type durationSeconds } ... on Session { uniqueName status } } } }",
    "subscription ($after: String) { changes(after: $after) { sid @skip(if: false) node { id } } }",
    "subscription ($after: String) { changes(after: $after) { sid ...C } } fragment C on Change { node { id } }",
    "subscription ($after: String) { changes(after: $after) { kind at } }",
    "subscription ($after: String) { changes(after: $after) { node { id } node { ... on Interaction { body } } } }",
    "subscription ($after: String) { interactions(after: $after) { sid kind interaction { body"
    " session { uniqueName } } } }",
]


@pytest.mark.parametrize("document", SELECTIONS)
@pytest.mark.parametrize("scopes", [("read",), ("read", "read:content")])
async def test_plans_give_the_same_bytes_as_graphql_core(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, document: str, scopes: tuple[str, ...]
) -> None:
    key = await keys.create(archive, "console", scopes, None)
    after = await newest(archive)
    await put(
        archive, session(2), participant(1), interaction(1), interaction(2, data='{"duration": "5"}', type="voice")
    )
    await erase(archive, sid("KI", 2))
    numbers = 5 if "changes" in document else 3
    found = []
    for plans in ("true", "false"):
        monkeypatch.setenv("PROXYGRAPH_PLANS", plans)
        variables = {"after": after, "with": True}
        async with (
            serving(archive.database, require_key=True) as client,
            following(client, document, variables, Authorization=f"Bearer {key}") as stream,
        ):
            found.append([await stream.response.content.readuntil(b"\n\n") for _ in range(1 + numbers)])
    assert found[0] == found[1]
    assert all(b'"errors"' not in event for event in found[0])


def test_usual_selections_are_planned() -> None:
    planned = []
    for document in (CHANGES, INTERACTIONS, *SELECTIONS):
        parsed = parse(document)
        operation = get_operation_ast(parsed)
        assert operation
        planned.append(event_query(parsed, operation, {}) is not None)
    assert planned == [True, True, True, True, True, False, False, False, False, True]
