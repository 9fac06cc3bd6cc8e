"""GraphiQL in a real Chromium that can only reach the server."""

import os
import shutil
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Request, Route, expect

from gateway import graphiql

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = (1280, 800), (390, 844)
at_both_widths = pytest.mark.parametrize("studio", [WIDE, NARROW], ids=["wide", "narrow"], indirect=True)
narrow = pytest.mark.parametrize("studio", [NARROW], ids=["narrow"], indirect=True)

_MISSING = "there is no Chromium here" if CHROMIUM is None else graphiql.NOT_BUILT
in_chromium = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(_MISSING is not None and not os.environ.get("CI"), reason=f"GraphiQL in Chromium: {_MISSING}"),
]
"""The marks of a module that tests the page."""

TELL_VIOLATIONS = """addEventListener('securitypolicyviolation',
    ({ violatedDirective, blockedURI }) => console.error('CSP', violatedDirective, blockedURI))"""
VALUE_OF = "(name) => __MONACO.editor.getModels().find(({ uri }) => uri.path.includes(name)).getValue()"
UNTIL_SHOWN = f"""([name, text]) => new Promise((resolve) => {{
    const timer = setInterval(() => ({VALUE_OF})(name).includes(text) && resolve(clearInterval(timer)), 20)
}})"""
REPLACE = """([name, text]) => {
    const editor = __MONACO.editor.getEditors().find((editor) => editor.getModel().uri.path.includes(name))
    editor.setValue(text)
    editor.focus()
    editor.setPosition(editor.getModel().getFullModelRange().getEndPosition())
}"""


class Studio:
    """GraphiQL in a browser; records everything that should not happen."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.noise: list[str] = []
        self.asked: list[Request] = []
        page.set_default_timeout(10_000)
        page.on("console", lambda said: self.noise.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.noise.append(str(error)))

    async def open(self) -> None:
        await self.page.add_init_script(TELL_VIOLATIONS)
        await self.page.route("**", self._only_here)
        await self.page.goto(f"{self.address}/graphql")
        await self.ready()

    async def ready(self) -> None:
        await self.page.locator(".graphiql-query-editor .view-line").first.wait_for()
        await self.page.locator(".graphiql-execute-button").wait_for()

    async def _only_here(self, route: Route) -> None:
        request = route.request
        if f"http://{urlsplit(request.url).netloc}" != self.address:
            self.noise.append(f"asked for {request.url}")
            await route.abort()
            return
        if request.method == "POST":
            self.asked.append(request)
        await route.continue_()

    async def choose(self, tab: str) -> None:
        await self.page.get_by_role("tab", name=tab).click()

    async def write(self, editor: str, text: str) -> None:
        """Replaces the text of an editor, ``operation`` or ``variables``, and puts the cursor at its end."""
        await self.page.evaluate(REPLACE, [editor, text])

    async def shown(self, editor: str) -> str:
        text: str = await self.page.evaluate(VALUE_OF, editor)
        return text

    async def until_shown(self, editor: str, text: str) -> None:
        """Waits until an editor's text contains ``text``."""
        await self.page.evaluate(UNTIL_SHOWN, [editor, text])

    async def use_key(self, key: str) -> None:
        await self.page.get_by_label("Bearer key").fill(key)
        if await self.page.get_by_role("button", name="Use").is_visible():
            async with self.page.expect_navigation():
                await self.page.get_by_role("button", name="Use").click()
            await self.ready()

    async def run(self) -> dict[str, Any]:
        """Runs the query of the current tab, and returns the response."""
        async with self.page.expect_response(lambda response: _is_run(response.request)) as answered:
            await self.page.locator(".graphiql-execute-button").click()
        answer: dict[str, Any] = await (await answered.value).json()
        await expect(self.page.locator(".graphiql-response .view-line").nth(2)).to_be_visible()
        return answer


def _is_run(request: Request) -> bool:
    """Ignores the page's own introspection query, which may still be running, and the stream of a conversation."""
    sent = request.post_data or ""
    return request.method == "POST" and "IntrospectionQuery" not in sent and "SessionChanges" not in sent
