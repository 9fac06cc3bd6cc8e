"""Links to a query, in Chromium: #query=…&variables=… opens its own tab, and is not sent before somebody runs it."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import expect

from studio import Studio, at_both_widths, in_chromium

pytestmark = in_chromium

QUERY = "query Linked($first: Int) {\n  interactions(first: $first) { nodes { sid } }\n}"
LINK = "#" + urlencode({"query": QUERY, "variables": '{"first": 3}'})


@pytest.mark.parametrize("opened", ["fresh", "again", "while the page is open"])
async def test_a_link_opens_in_its_own_tab_and_is_never_sent_by_itself(studio: Studio, opened: str) -> None:
    tabs = studio.page.get_by_role("tab")
    before = await tabs.count()
    first_query = await studio.shown("operation")
    if opened == "while the page is open":
        await studio.page.evaluate("(link) => { location.hash = link }", LINK)
    else:
        if opened == "fresh":
            await studio.page.evaluate("localStorage.clear()")
        await studio.page.goto("about:blank")
        await studio.page.goto(f"{studio.address}/graphql{LINK}")
        await studio.ready()
    await expect(tabs).to_have_count(before + 1)
    await expect(studio.page.get_by_role("tab", name="Linked")).to_have_attribute("aria-selected", "true")
    assert await studio.shown("operation") == QUERY
    assert await studio.shown("variables") == '{"first": 3}'
    assert urlsplit(studio.page.url).fragment == ""
    assert len((await studio.run())["data"]["interactions"]["nodes"]) == 3
    assert sum("query Linked" in (request.post_data or "") for request in studio.asked) == 1
    await studio.choose("Conversation")
    assert await studio.shown("operation") == first_query


@at_both_widths
async def test_a_button_copies_a_link_to_the_query_and_its_variables(studio: Studio) -> None:
    await studio.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await studio.write("operation", QUERY)
    await studio.write("variables", '{"first": 2}')
    await studio.page.get_by_role("button", name="Copy a link").click()
    outcome = studio.page.locator(".link-outcome")
    await expect(outcome).to_have_text("Link copied")
    await expect(outcome).to_be_in_viewport(ratio=1)
    link = urlsplit(await studio.page.evaluate("navigator.clipboard.readText()"))
    assert f"{link.scheme}://{link.netloc}{link.path}" == f"{studio.address}/graphql"
    assert parse_qs(link.fragment) == {"query": [QUERY], "variables": ['{"first": 2}']}


async def test_without_a_clipboard_the_link_is_in_the_address(studio: Studio) -> None:
    await studio.page.evaluate("delete Navigator.prototype.clipboard")
    await studio.page.get_by_role("button", name="Copy a link").click()
    await expect(studio.page.locator(".link-outcome")).to_have_text("The link is in the address bar")
    parameters = parse_qs(urlsplit(studio.page.url).fragment)
    assert parameters["query"] == [await studio.shown("operation")]
    assert json.loads(parameters["variables"][0]) == json.loads(await studio.shown("variables"))
