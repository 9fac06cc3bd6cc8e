"""An archive, its server, and GraphiQL's page in a Chromium, for each test of the page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from gateway.demo.seeding import Seed, fill
from gateway_under_test import address_of
from store.archive import open_archive
from studio import CHROMIUM, FLAGS, WIDE, Studio

SMALL = Seed(seed=1, services=2, sessions=4, interactions=12)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("graphiql") / "filled.db"
    async with open_archive(database) as archive:
        await fill(archive, SMALL, lambda _: None)
    return database


@pytest_asyncio.fixture(loop_scope="module")
async def address(database: Path, filled: Path) -> AsyncIterator[str]:
    database.write_bytes(filled.read_bytes())
    async with address_of(database) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module", params=[WIDE], ids=["wide"])
async def studio(chromium: Browser, address: str, request: pytest.FixtureRequest) -> AsyncIterator[Studio]:
    """The newly opened page, 1280 pixels wide by default; a test fails if it logs errors or requests other hosts."""
    width, height = request.param
    context = await chromium.new_context(viewport={"width": width, "height": height})
    studio = Studio(await context.new_page(), address)
    await studio.open()
    yield studio
    await context.close()
    assert studio.noise == []
