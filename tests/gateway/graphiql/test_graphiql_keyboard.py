"""GraphiQL's editors are left by keyboard, and the status below an answer belongs to that answer, in Chromium."""

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from studio import Studio, at_both_widths, in_chromium

pytestmark = in_chromium

EDITORS = {"operation": "Operation Editor", "variables": "Variables", "response": "Response Editor"}


@at_both_widths
@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
@pytest.mark.parametrize("editor", ["operation", "variables"])
async def test_esc_then_tab_leaves_an_editor(studio: Studio, editor: str, key: str) -> None:
    before = await studio.shown(editor)
    await studio.write(editor, before)
    section = studio.page.locator(f"section[aria-label='{EDITORS[editor]}'] .monaco-editor:focus-within")
    await expect(section).to_have_count(1)
    await studio.page.keyboard.press("Escape")
    await studio.page.keyboard.press(key)
    await expect(section).to_have_count(0)
    assert await studio.shown(editor) == before
    assert await studio.page.evaluate("document.activeElement !== document.body")


async def test_tab_indents_unless_esc_came_just_before(studio: Studio) -> None:
    await studio.write("operation", "{ ")
    await studio.page.keyboard.press("Escape")
    await studio.page.keyboard.press("x")
    await studio.page.keyboard.press("Escape")  # Closes the suggestions.
    await studio.page.keyboard.press("ArrowRight")
    await studio.page.keyboard.press("Tab")
    await expect(studio.page.locator(".graphiql-query-editor .monaco-editor:focus-within")).to_have_count(1)
    assert re.fullmatch(r"\{ x\s+", await studio.shown("operation"))


async def test_the_list_of_shortcuts_says_how_to_leave_an_editor(studio: Studio) -> None:
    for _ in range(2):
        await studio.page.get_by_label("Open short keys dialog").click()
        row = studio.page.locator(".graphiql-dialog").get_by_role("row", name="Leave an editor")
        await expect(row).to_have_text("Esc, then TabLeave an editor")
        await studio.page.keyboard.press("Escape")
        await expect(row).to_have_count(0)


@at_both_widths
async def test_the_status_belongs_to_its_tab(studio: Studio) -> None:
    status = studio.page.locator(".answer-status")
    await studio.run()
    of_first = await status.text_content()
    assert of_first
    await studio.choose("WhoSpokeToWhom")
    await expect(status).to_have_text("Not run yet")
    await studio.run()
    await expect(status).to_have_text(re.compile(r"^\d.* statements$"))
    await studio.choose("Conversation")
    await expect(status).to_have_text(of_first)


async def test_the_status_belongs_to_its_answer(studio: Studio) -> None:
    await studio.run()
    await studio.write("variables", "{")
    await studio.page.locator(".graphiql-execute-button").click()
    await expect(studio.page.locator(".graphiql-response")).to_contain_text("Request not sent")
    await expect(studio.page.locator(".answer-status")).to_have_text("")


async def test_an_answer_never_appears_in_another_tab(studio: Studio) -> None:
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        if "query Conversation" in (route.request.post_data or ""):
            held.set()  # The request is neither continued nor answered, only aborted by the page.
        else:
            await route.fallback()

    await studio.page.route("**/graphql", hold)
    async with studio.page.expect_event("requestfailed"):
        await studio.page.locator(".graphiql-execute-button").click()
        await held.wait()
        await expect(studio.page.locator(".answer-status")).to_have_text("Running…")
        await studio.choose("WhoSpokeToWhom")
    await expect(studio.page.locator(".answer-status")).to_have_text("Not run yet")
    assert await studio.shown("response") == ""
    await studio.run()
