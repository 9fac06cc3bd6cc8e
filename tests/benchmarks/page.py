"""How long GraphiQL takes to load in Chromium over loopback, without and with a browser cache.

``python tests/benchmarks/page.py``; on a busy machine, put ``chrt -r 1`` before it, so that other programs
don't change the figure.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "support")]

from playwright.async_api import Page, async_playwright

from gateway.demo.seeding import DEMO, seed_archive
from running_commands import running
from studio import CHROMIUM, FLAGS

ROUNDS = 7


async def main(address: str) -> None:
    first, again = [], []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for _ in range(ROUNDS):
            context = await browser.new_context(viewport={"width": 1280, "height": 800})
            page = await context.new_page()
            first.append(await seconds(page, address))
            again.append(await seconds(page, address))
            await context.close()
        await browser.close()
    print(f"first {median(first):.2f} s, at most {max(first):.2f} s")
    print(f"again {median(again):.2f} s, at most {max(again):.2f} s")


async def seconds(page: Page, address: str) -> float:
    """From the request for the page until the editor shows the first query."""
    begun = time.perf_counter()
    await page.goto(f"{address}/graphql")
    await page.locator(".graphiql-query-editor .view-line").first.wait_for()
    return time.perf_counter() - begun


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "demo.db")
        asyncio.run(seed_archive(database, DEMO, lambda _: None))
        with running("serve", "--database", str(database)) as address:
            asyncio.run(main(address))
