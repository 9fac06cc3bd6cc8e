"""Servers of a stand-in's account as processes of their own, which tests may kill at any moment."""

import os
import re
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from checkout import ROOT
from fake_twilio import AUTH_TOKEN, FakeTwilio
from store.engine.database import Address


@asynccontextmanager
async def served(fake: FakeTwilio, address: Address, *flags: str) -> AsyncIterator[tuple[Process, str]]:
    """A server of the account, and its address; killed at the end of the block if it still runs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROXYGRAPH_", "TWILIO_"))}
    account_of = {"TWILIO_ACCOUNT_SID": fake.account_sid, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    process = await create_subprocess_exec(
        *(sys.executable, "-u", "-m", "gateway", "serve", "--database", address.url, "--port", "0", *flags),
        cwd=ROOT,
        env=clean | account_of | {"TWILIO_PROXY_URL": fake.base_url, "PROXYGRAPH_SYNC_RATE": "0", "COLUMNS": "200"},
        stdout=PIPE,
        stderr=DEVNULL,
    )
    assert process.stdout
    try:
        async for line in process.stdout:
            if found := re.search(rb"http://127\.0\.0\.1:\d+", line):
                break
        else:
            raise AssertionError("It didn't start.")
        yield process, found[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
