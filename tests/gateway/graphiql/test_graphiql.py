"""GraphiQL in a real Chromium that can only reach the server: its usual uses work, without errors in the console."""

import json
import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from graphql import GraphQLObjectType
from playwright.async_api import Browser, expect

from gateway_under_test import address_of
from resolvers.access import Scope
from schema.build import EXECUTABLE
from store import keys
from store.archive import open_archive
from studio import NARROW, WIDE, Studio, at_both_widths, in_chromium, narrow

pytestmark = in_chromium

PANES = ("Documentation Explorer", "History", "GraphiQL Explorer")

GRAPHIQLS_OWN = {
    "nested-interactive",  # the button that closes a tab is in the tab
    "label-content-name-mismatch",  # an entry of the history
    "label",  # the explorer's inputs for arguments
    "select-name",  # and its choice of an operation to add
    "link-in-text-block",  # the docs' links are known by their colour, and by the line under them that hovering shows
}
"""Findings of axe that only GraphiQL could fix."""


@at_both_widths
async def test_a_query_runs_and_shows_its_answer_its_time_and_its_cost(studio: Studio) -> None:
    await expect(studio.page.locator(".answer-status")).to_have_text("Not run yet")
    answer = await studio.run()
    assert len(answer["data"]["session"]["interactions"]["nodes"]) == 12
    assert json.loads(await studio.shown("response")) == {"data": answer["data"]}
    cost = answer["extensions"]["cost"]
    shown = rf"^\d+(\.\d)? ms · cost {cost['counted']} · {cost['statements']} statements$"
    await expect(studio.page.locator(".answer-status")).to_have_text(re.compile(shown))
    assert await studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@at_both_widths
async def test_a_field_is_completed(studio: Studio) -> None:
    await studio.write("operation", "{ intera")
    await studio.page.keyboard.press("Control+Space")
    suggestions = studio.page.locator(".suggest-widget.visible .monaco-list-row")
    await expect(suggestions.first).to_contain_text("interaction")
    await suggestions.filter(has_text="interactions").first.click()
    assert await studio.shown("operation") == "{ interactions"


async def test_an_error_is_underlined_and_explained(studio: Studio) -> None:
    await studio.write("operation", "{ nothing }")
    await studio.page.locator(".squiggly-error").first.wait_for()
    await studio.page.locator(".graphiql-query-editor .view-line").get_by_text("nothing").hover()
    await expect(studio.page.locator(".monaco-hover:not(.hidden)")).to_contain_text(
        'Cannot query field "nothing" on type "Query".'
    )
    answer = await studio.run()
    assert answer["errors"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


@at_both_widths
async def test_the_docs_tell_what_a_field_means(studio: Studio) -> None:
    await studio.page.get_by_label("Show Documentation Explorer").click()
    for name in ("Query", "sessions", "SessionConnection", "totalCount"):
        await studio.page.locator(".graphiql-doc-explorer").get_by_role("link", name=name, exact=True).first.click()
    connection = EXECUTABLE.type_map["SessionConnection"]
    assert isinstance(connection, GraphQLObjectType)
    description = connection.fields["totalCount"].description
    assert description
    await expect(studio.page.locator(".graphiql-doc-explorer")).to_contain_text(description)


async def test_the_explorer_puts_a_field_into_the_query(studio: Studio) -> None:
    await studio.page.get_by_label("Show GraphiQL Explorer").click()
    await studio.page.locator(".docExplorerWrap, .graphiql-explorer-root").get_by_text("closedReason").click()
    await studio.until_shown("operation", "closedReason")
    assert (await studio.run())["data"]["session"]["closedReason"] == "api"


async def test_the_explorer_does_not_move_the_focus(studio: Studio) -> None:
    await studio.page.get_by_label("Show GraphiQL Explorer").click()
    argument = studio.page.locator(".graphiql-plugin input[value='20']")
    await argument.wait_for()
    await expect(argument).not_to_be_focused()
    await argument.click()
    await expect(argument).to_be_focused()


async def test_a_page_of_the_docs_begins_at_its_top(studio: Studio) -> None:
    await studio.page.get_by_label("Show Documentation Explorer").click()
    await studio.page.locator(".graphiql-doc-explorer").get_by_role("link", name="SyncRun", exact=True).click()
    await expect(studio.page.locator(".graphiql-doc-explorer-title")).to_be_in_viewport()
    await expect(studio.page.get_by_label("Go back to Docs")).to_be_in_viewport(ratio=1)


@narrow
@pytest.mark.parametrize("pane", PANES)
async def test_on_a_phone_a_pane_covers_everything_except_the_bar_that_closes_it(studio: Studio, pane: str) -> None:
    await studio.page.get_by_label(f"Show {pane}").click()
    box = await studio.page.locator(".graphiql-plugin").bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"]) == (0, 0, NARROW[0])
    await expect(studio.page.locator(".graphiql-execute-button")).to_be_hidden()
    assert await studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await studio.page.get_by_label(f"Hide {pane}").click()
    await expect(studio.page.locator(".graphiql-plugin")).to_be_empty()
    assert "errors" not in await studio.run()


@narrow
async def test_on_a_phone_the_settings_fit_on_the_screen(studio: Studio) -> None:
    await studio.page.get_by_label("Open settings dialog").click()
    for name in ("System", "Light", "Dark", "Clear data"):
        await expect(studio.page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)


@narrow
async def test_on_a_phone_the_lines_of_a_query_wrap(studio: Studio) -> None:
    await studio.write("operation", f"# {'a long line ' * 10}")
    await expect(studio.page.locator(".graphiql-query-editor .view-line").nth(2)).to_be_visible()


@at_both_widths
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_passes_the_accessibility_checks(studio: Studio, scheme: Literal["light", "dark"]) -> None:
    await studio.page.emulate_media(color_scheme=scheme)
    await studio.run()
    found = await Axe().run(studio.page)
    violations = found.response["violations"]
    for pane in PANES:
        await studio.page.get_by_label(f"Show {pane}").click()
        violations += (await Axe().run(studio.page)).response["violations"]
    violations_by_rule = {violation["id"]: [node["html"] for node in violation["nodes"]] for violation in violations}
    assert {rule: nodes for rule, nodes in violations_by_rule.items() if rule not in GRAPHIQLS_OWN} == {}


async def test_the_history_has_executed_queries(studio: Studio) -> None:
    await studio.run()
    await studio.page.get_by_label("Show History").click()
    await expect(studio.page.locator(".graphiql-history-item")).to_contain_text(["Conversation"])


@at_both_widths
async def test_a_connection_is_read_page_by_page(studio: Studio) -> None:
    await studio.choose("PageByPage")
    first = (await studio.run())["data"]["interactions"]
    variables = {"first": 10, "after": first["pageInfo"]["endCursor"]}
    await studio.write("variables", json.dumps(variables))
    second = (await studio.run())["data"]["interactions"]
    sids = {node["sid"] for page in (first, second) for node in page["nodes"]}
    assert (len(sids), second["totalCount"]) == (20, 96)


@at_both_widths
async def test_an_interaction_is_deleted_and_no_longer_shown(studio: Studio) -> None:
    await studio.choose("PageByPage")
    page = (await studio.run())["data"]["interactions"]
    sid = page["nodes"][0]["sid"]
    await studio.choose("DeleteInteraction")
    assert json.loads(await studio.shown("variables")) == {"sid": ""}
    assert (await studio.run())["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    await studio.write("variables", json.dumps({"sid": sid}))
    deleted = (await studio.run())["data"]["deleteInteraction"]
    assert (deleted["deletedInteractionId"], deleted["userErrors"]) == (sid, [])
    assert {kept["type"] for kept in deleted["remainingResources"]} == {"MESSAGE"}
    await studio.choose("PageByPage")
    after = (await studio.run())["data"]["interactions"]
    assert after["totalCount"] == page["totalCount"] - 1
    assert sid not in json.dumps(after)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_wrong_key_is_reported_and_a_valid_one_is_stored_only_for_this_tab(
    chromium: Browser, database: Path, filled: Path, size: tuple[int, int]
) -> None:
    database.write_bytes(filled.read_bytes())
    async with open_archive(database) as archive:
        right = await keys.create(archive, "studio", (Scope.READ_CONTENT,), None)
    async with address_of(database, require_key=True, introspection=True, graphiql=True) as address:
        context = await chromium.new_context(viewport={"width": size[0], "height": size[1]})
        studio = Studio(await context.new_page(), address)
        await studio.open()
        for key in ("", "a-wrong-one"):
            await studio.use_key(key)
            assert (await studio.run())["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
            assert "UNAUTHENTICATED" in await studio.shown("response")
        await studio.use_key(right)
        assert len((await studio.run())["data"]["session"]["interactions"]["nodes"]) == 12
        assert (await studio.asked[-1].all_headers())["authorization"] == f"Bearer {right}"
        elsewhere = await studio.page.evaluate("JSON.stringify({ ...localStorage }) + document.cookie + location")
        assert right not in elsewhere
        await studio.use_key("")
        assert await studio.page.evaluate("sessionStorage.length") == 0
        await context.close()
    assert {noise for noise in studio.noise if "status of 401" not in noise} == set()


async def test_open_tabs_are_restored(studio: Studio) -> None:
    await studio.choose("PageByPage")
    await studio.write("variables", '{"first": 3}')
    await expect(studio.page.get_by_label("Variables", exact=True)).to_contain_text("3")
    stored = """() => new Promise((resolve) => setInterval(
        () => localStorage.getItem('graphiql:tabState')?.includes(': 3}') && resolve(), 50))"""
    await studio.page.evaluate(stored)
    await studio.page.reload()
    await studio.ready()
    await expect(studio.page.get_by_role("tab", name="PageByPage")).to_have_attribute("aria-selected", "true")
    assert len((await studio.run())["data"]["interactions"]["nodes"]) == 3


async def test_the_page_follows_the_systems_light_or_dark_theme(studio: Studio) -> None:
    page = studio.page.locator(".graphiql-container")
    comment = studio.page.locator(".graphiql-query-editor .view-line span span").first
    colours = "(element) => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    await studio.page.emulate_media(color_scheme="light")
    (ground, _), (_, green) = await page.evaluate(colours), await comment.evaluate(colours)
    await studio.page.emulate_media(color_scheme="dark")
    await expect(page).not_to_have_css("background-color", ground)
    await expect(comment).not_to_have_css("color", green)


async def test_an_empty_archive_opens_too(chromium: Browser, database: Path) -> None:
    async with address_of(database) as address:
        context = await chromium.new_context()
        studio = Studio(await context.new_page(), address)
        await studio.open()
        assert json.loads(await studio.shown("variables")) == {"session": ""}
        await context.close()
        assert studio.noise == []
