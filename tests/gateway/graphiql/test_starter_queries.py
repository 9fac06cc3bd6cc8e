"""The queries that GraphiQL opens with answer on the archive's own data, in Chromium."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser

from gateway_under_test import address_of, asker
from resolvers.access import Scope
from store import keys
from store.archive import open_archive
from studio import Studio, in_chromium

pytestmark = in_chromium

TABS = ("Conversation", "WhatFailed", "WhoIsThisNumber", "PersonExport", "WhoSpokeToWhom", "PageByPage")
FAILURES = {"FAILED", "UNDELIVERED", "BUSY", "NO_ANSWER", "CANCELED"}


@pytest.mark.parametrize("tab", TABS)
async def test_every_tab_except_the_mutation_shows_data_at_once(studio: Studio, tab: str) -> None:
    await studio.choose(tab)
    answer = await studio.run()
    assert "errors" not in answer
    assert '"body": ' in json.dumps(answer)


@pytest.mark.parametrize("tab", ["Conversation", "WhatFailed", "PersonExport", "WhoSpokeToWhom"])
async def test_both_sides_of_a_conversation_are_shown(studio: Studio, tab: str) -> None:
    await studio.choose(tab)
    answer = await studio.run()
    for leg in ("inbound", "outbound"):
        assert f'"{leg}": {{"participant": {{"friendlyName": "' in _sorted_legs(answer)


async def test_what_failed_is_of_the_last_week_of_the_archive(studio: Studio, database: Path) -> None:
    async with open_archive(database) as archive:
        newest = (await asker(archive)("{ interactions(last: 1) { nodes { dateCreated } } }"))["data"]["interactions"]
    await studio.choose("WhatFailed")
    variables = json.loads(await studio.shown("variables"))
    ended = datetime.fromisoformat(newest["nodes"][0]["dateCreated"])
    assert datetime.fromisoformat(variables["from"]) == ended - timedelta(days=7)
    nodes = (await studio.run())["data"]["interactions"]["nodes"]
    assert nodes
    assert {node["outbound"]["resourceStatus"] for node in nodes} <= FAILURES


async def test_a_persons_export_has_what_they_said_and_what_was_said_to_them(studio: Studio) -> None:
    await studio.choose("PersonExport")
    number = json.loads(await studio.shown("variables"))["number"]
    nodes = (await studio.run())["data"]["interactions"]["nodes"]
    sides = [_side(node, number) for node in nodes]
    assert set(sides) == {"inbound", "outbound"}


async def test_who_is_this_number_says_where_it_took_part(studio: Studio) -> None:
    await studio.choose("WhoIsThisNumber")
    number = json.loads(await studio.shown("variables"))["number"]
    data = (await studio.run())["data"]
    (person,) = data["asPerson"]["nodes"]
    assert (person["identifier"], data["asProxyNumber"]["nodes"]) == (number, [])
    assert person["session"]["interactions"]["nodes"][0]["dateCreated"] == person["session"]["dateLastInteraction"]


async def test_a_starter_without_variables_gets_them_once_a_key_is_given(
    chromium: Browser, database: Path, filled: Path
) -> None:
    database.write_bytes(filled.read_bytes())
    async with open_archive(database) as archive:
        key = await keys.create(archive, "studio", (Scope.READ_CONTENT,), None)
    async with address_of(database, require_key=True, introspection=True, graphiql=True) as address:
        context = await chromium.new_context()
        studio = Studio(await context.new_page(), address)
        await studio.open()
        await studio.choose("WhatFailed")
        assert json.loads(await studio.shown("variables")) == {"from": None, "after": None}
        await studio.use_key(key)
        await studio.choose("WhatFailed")
        assert json.loads(await studio.shown("variables"))["from"]
        assert (await studio.run())["data"]["interactions"]["nodes"]
        await context.close()


def _sorted_legs(answer: object) -> str:
    """The answer as JSON, without what the queries select of a leg beside its participant's label."""
    if isinstance(answer, dict):
        kept = {name: _sorted_legs(value) for name, value in answer.items() if name not in {"resourceStatus"}}
        return "{" + ", ".join(f'"{name}": {value}' for name, value in kept.items()) + "}"
    if isinstance(answer, list):
        return "[" + ", ".join(map(_sorted_legs, answer)) + "]"
    return json.dumps(answer)


def _side(node: dict[str, dict[str, dict[str, str] | None] | None], number: str) -> str | None:
    for leg in ("inbound", "outbound"):
        participant = (node[leg] or {}).get("participant")
        if participant and participant["identifier"] == number:
            return leg
    return None
