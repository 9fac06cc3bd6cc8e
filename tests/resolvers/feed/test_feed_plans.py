"""A plan of the change feed gives the bytes that the ordinary path gives, and leaves refusals to that."""

import pytest

from bodies import interaction, participant, put, sid
from gateway.endpoint.plan_cache import PlanCache
from gateway_under_test import asker
from store.engine.protocols import Archive

SELECTIONS = (
    "nodes { cursor kind type sid serviceSid sessionSid at node { id ...on Interaction { inbound { resourceSid } } } }",
    "edges { cursor __typename node { what: kind node { __typename ...on Session { status service { id } } } } }",
    "nodes { sid } edges { node { sid } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor __typename }",
    "latestCursor __typename pageInfo { endCursor }",
)


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("arguments", ["", "(first: 2)", "(types: [SESSION, SERVICE])", "(filter: {kind: CREATED})"])
async def test_a_plan_gives_the_bytes_that_the_ordinary_path_gives(
    archive: Archive, selection: str, arguments: str
) -> None:
    await put(archive, participant(1), interaction(1), interaction(2))
    await put(archive, interaction(1, outbound_resource_status="failed"))
    async with archive.writer.transaction() as transaction:
        await transaction.execute("DELETE FROM interaction WHERE sid = :sid", {"sid": sid("KI", 2)})
    document = f"{{ changes{arguments} {{ {selection} }} }}"
    ordinary, planned = await asker(archive)(document), await asker(archive, plans=PlanCache())(document)
    assert (len(planned.statements), planned) == (0, ordinary)
    assert "errors" not in planned


async def test_a_plan_leaves_refusals_to_the_ordinary_path(archive: Archive) -> None:
    for arguments in ('(after: "0123456789abcdef.1")', '(after: "nonsense")', "(first: 1000)"):
        document = f"{{ changes{arguments} {{ latestCursor }} }}"
        ordinary, planned = await asker(archive)(document), await asker(archive, plans=PlanCache())(document)
        assert planned == ordinary
        assert planned["errors"]
