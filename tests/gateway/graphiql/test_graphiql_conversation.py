"""The pane that shows a session as a timeline, in Chromium: who said what, whether it arrived, and the gaps between."""

import json
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from bodies import interaction, participant, put, service, session, sid
from gateway.graphiql import queries
from store.archive import open_archive
from studio import Studio, at_both_widths, in_chromium

pytestmark = in_chromium

GRAPHIQLS_OWN = {"nested-interactive"}
"""A finding of axe that only GraphiQL could fix: the button that closes a tab is in the tab."""

RIDER, DRIVER = sid("KP", 1), sid("KP", 2)
TALK = (
    ("2026-03-01T10:00:00Z", RIDER, DRIVER, "message", {"body": "Where are you?"}, "delivered"),
    ("2026-03-01T10:01:00Z", DRIVER, RIDER, "message", {"body": "At the <b>gate</b>"}, "undelivered"),
    ("2026-03-01T12:06:00Z", DRIVER, RIDER, "voice", {"duration": "75"}, "completed"),
    ("2026-03-01T12:10:00Z", RIDER, DRIVER, "voice", None, "no-answer"),
    ("2026-03-03T09:00:00Z", None, RIDER, "message", {"body": "Your ride is over."}, "sent"),
    ("2026-03-03T09:01:00Z", RIDER, None, "message", {"body": "Thanks"}, None),
)
LATER = "2026-03-03T09:02:00Z"
SHOWN = [
    "Rider|Where are you?|delivered",
    "Driver|At the <b>gate</b>|undelivered",
    "2 h 5 min later",
    "Driver|Call of 1 min 15 s|completed",
    "Rider|Call|no answer",
    "Service|Your ride is over.|sent",
    "Rider|Thanks|not relayed",
]


async def put_talk(database: Path) -> None:
    """Adds a session with TALK to the archive."""
    rows = []
    for number, (date, speaker, listener, type_, data, status) in enumerate(TALK, 1):
        legs = {"inbound": (speaker, "received"), "outbound": (listener, status)}
        row = interaction(number, type=type_, data=data and json.dumps(data), date_created=date)
        for leg, (person, of_leg) in legs.items():
            row |= {f"{leg}_participant_sid": person, f"{leg}_resource_status": of_leg}
            if person is None:
                row |= dict.fromkeys(name for name in row if name.startswith(leg))
        rows.append(row)
    people = [
        participant(1, friendly_name="Rider", identifier="+12025550121", date_created="2026-03-01T09:00:00Z"),
        participant(2, friendly_name="Driver", identifier="+12025550122", date_created="2026-03-01T09:00:01Z"),
    ]
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1, unique_name="ride-7"), *people, *rows)


async def show(studio: Studio, session_sid: str) -> None:
    await studio.page.get_by_label("Show Conversation").click()
    await studio.page.get_by_label("Session", exact=True).fill(session_sid)
    await studio.page.get_by_role("button", name="Show", exact=True).click()


@at_both_widths
async def test_both_people_their_messages_calls_statuses_and_gaps_are_shown(studio: Studio, database: Path) -> None:
    await put_talk(database)
    await show(studio, sid("KC", 1))
    await expect(studio.page.locator(".conversation [role=status]")).to_contain_text("ride-7")
    await expect(studio.page.get_by_role("list", name="People")).to_have_text("Rider +12025550121Driver +12025550122")
    entries = studio.page.locator(".conversation-timeline li")
    texts = await entries.evaluate_all(
        """(entries) => entries.map((entry) => entry.matches('.conversation-break') ? entry.textContent
            : [entry.querySelector('span').textContent, entry.querySelector('p').textContent,
               entry.querySelector('span:last-child').textContent.split(' · ')[1]].join('|'))"""
    )
    days = [text for text in texts if "2026" in text]
    assert [text for text in texts if text not in days] == SHOWN
    assert len(days) == 2
    sides = await studio.page.locator(".conversation-bubble").evaluate_all(
        "(bubbles) => bubbles.map((bubble) => bubble.classList[1])"
    )
    assert sides == ["left", "right", "right", "left", "service", "left"]
    await expect(studio.page.locator(".conversation-failed")).to_have_count(3)
    left = await studio.page.locator(".conversation-bubble.left").first.bounding_box()
    right = await studio.page.locator(".conversation-bubble.right").first.bounding_box()
    assert left
    assert right
    assert left["x"] < right["x"]
    assert left["x"] + left["width"] < right["x"] + right["width"]


async def test_the_pane_opens_with_the_session_of_the_tab_and_shows_its_query(studio: Studio) -> None:
    variables = json.loads(await studio.shown("variables"))
    await studio.page.get_by_label("Show Conversation").click()
    await expect(studio.page.locator(".conversation-bubble")).to_have_count(12)
    await studio.page.get_by_role("button", name="Open its query").click()
    await expect(studio.page.get_by_role("tab", name="Timeline")).to_have_attribute("aria-selected", "true")
    assert await studio.shown("operation") == (queries.FOLDER / "Timeline.graphql").read_text("utf-8")
    assert json.loads(await studio.shown("variables")) == variables | {"after": None}
    assert len((await studio.run())["data"]["session"]["interactions"]["nodes"]) == 12


async def test_a_long_session_is_shown_page_by_page(studio: Studio, database: Path) -> None:
    rows = [interaction(number) for number in range(1, 151)]
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1), participant(1), participant(2), *rows)
    await show(studio, sid("KC", 1))
    await expect(studio.page.locator(".conversation [role=status]")).to_contain_text("the first 100 of 150")
    await studio.page.get_by_role("button", name="Show the next ones").click()
    await expect(studio.page.locator(".conversation-bubble")).to_have_count(150)
    await expect(studio.page.get_by_role("button", name="Show the next ones")).to_have_count(0)


async def test_what_is_said_meanwhile_and_each_new_status_appears_by_itself(studio: Studio, database: Path) -> None:
    await put_talk(database)
    async with studio.page.expect_response(lambda response: "SessionChanges" in (response.request.post_data or "")):
        await show(studio, sid("KC", 1))
    bubbles = studio.page.locator(".conversation-bubble")
    await expect(bubbles).to_have_count(len(TALK))
    await studio.page.locator(".conversation-timeline").evaluate("(timeline) => timeline.scrollTo(0, 1e6)")
    new = interaction(9, data='{"body": "One more thing"}', outbound_resource_status="queued", date_created=LATER)
    async with open_archive(database) as archive:
        await put(archive, new)
        await expect(bubbles.last).to_contain_text("One more thing")
        await expect(bubbles.last).to_be_in_viewport()
        await expect(bubbles.last).to_contain_text("queued")
        await put(archive, new | {"outbound_resource_status": "delivered", "date_updated": LATER})
        await expect(bubbles.last).to_contain_text("delivered")
    await expect(bubbles).to_have_count(len(TALK) + 1)


async def test_a_session_that_is_not_there_is_said_to_be_missing(studio: Studio) -> None:
    await show(studio, sid("KC", 404))
    await expect(studio.page.locator(".conversation [role=status]")).to_have_text(
        "The archive has no session with this SID."
    )
    await studio.page.get_by_label("Session", exact=True).fill("")
    await studio.page.get_by_role("button", name="Show", exact=True).click()
    await expect(studio.page.locator(".conversation [role=status]")).to_have_text("Fill in the SID of a session.")


@at_both_widths
async def test_a_conversation_is_read_by_keyboard_alone(studio: Studio) -> None:
    press = studio.page.keyboard.press
    await studio.page.get_by_label("Show Conversation").focus()
    await press("Enter")
    await expect(studio.page.locator(".conversation-bubble")).to_have_count(12)
    timeline = studio.page.get_by_role("region", name="Timeline")
    await press("Tab")
    for _ in range(30):
        if await timeline.evaluate("(region) => region === document.activeElement"):
            break
        await press("Tab")
    await expect(timeline).to_be_focused()
    await press("End")
    await expect(studio.page.locator(".conversation-bubble").last).to_be_in_viewport()


@at_both_widths
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_conversation_passes_the_accessibility_checks(
    studio: Studio, database: Path, scheme: Literal["light", "dark"]
) -> None:
    await put_talk(database)
    await studio.page.emulate_media(color_scheme=scheme)
    await show(studio, sid("KC", 1))
    await expect(studio.page.locator(".conversation-bubble")).to_have_count(len(TALK))
    violations = (await Axe().run(studio.page)).response["violations"]
    found = {violation["id"]: [node["html"] for node in violation["nodes"]] for violation in violations}
    assert {rule: nodes for rule, nodes in found.items() if rule not in GRAPHIQLS_OWN} == {}
    assert await studio.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(studio.page.get_by_label("Open settings dialog")).to_be_in_viewport(ratio=1)
