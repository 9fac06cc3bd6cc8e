"""GraphiQL follows a conversation over events, in Chromium."""

import json
from pathlib import Path

from playwright.async_api import Route, expect

from bodies import interaction, put
from store.archive import open_archive
from studio import Studio, in_chromium

pytestmark = in_chromium


async def test_a_message_appears_in_the_live_conversation(studio: Studio, database: Path) -> None:
    await studio.choose("LiveMessages")
    shown_session = json.loads(await studio.shown("variables"))["session"]
    async with studio.page.expect_response(lambda response: is_stream(response.headers)):
        await studio.page.locator(".graphiql-execute-button").click()
    async with open_archive(database) as archive:
        ((service_sid,),) = await archive.fetch(
            "SELECT service_sid FROM session WHERE sid = :shown_session", {"shown_session": shown_session}
        )
        said = {"session_sid": shown_session, "service_sid": service_sid}
        for text in ("Where are you?", "At the door."):
            data = json.dumps({"body": text})
            await put(archive, interaction(len(text), data=data, **said))
            await expect(studio.page.locator(".graphiql-response")).to_contain_text(text)
    events = json.loads(await studio.shown("response"))["events"]
    assert [event["interactions"]["interaction"]["body"] for event in events] == ["At the door.", "Where are you?"]
    status = studio.page.locator(".answer-status")
    await expect(status).to_have_text("Subscribed · 2 events")
    await studio.page.locator(".graphiql-execute-button").click()
    await expect(status).to_have_text("Stopped · 2 events")


async def test_a_subscription_without_events_shows_that_it_is_connected(studio: Studio) -> None:
    await studio.choose("LiveMessages")
    await studio.page.locator(".graphiql-execute-button").click()
    await expect(studio.page.locator(".graphiql-response")).to_contain_text("events")
    assert json.loads(await studio.shown("response")) == {"events": []}
    await expect(studio.page.locator(".answer-status")).to_have_text("Subscribed · 0 events")
    await studio.page.locator(".graphiql-execute-button").click()


async def test_a_subscription_that_finds_no_server_says_so_until_it_does(studio: Studio) -> None:
    status = studio.page.locator(".answer-status")
    await studio.choose("LiveMessages")
    await studio.page.route("**/graphql", refuse)
    await studio.page.locator(".graphiql-execute-button").click()
    await expect(status).to_have_text("Connection lost, connecting again…")
    await studio.page.unroute("**/graphql", refuse)
    await expect(status).to_have_text("Subscribed · 0 events")
    await studio.page.locator(".graphiql-execute-button").click()
    assert all("ERR_CONNECTION_REFUSED" in said for said in studio.noise)
    studio.noise.clear()


async def refuse(route: Route) -> None:
    await route.abort("connectionrefused")


def is_stream(headers: dict[str, str]) -> bool:
    return headers.get("content-type", "").startswith("text/event-stream")
