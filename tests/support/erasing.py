"""``python -m gateway erase`` against a stand-in, as a process of its own."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from checkout import ROOT
from command_lines import FRESH, command_line
from fake_twilio import AUTH_TOKEN, FakeTwilio
from store.engine.database import Address, Database

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PROXYGRAPH_", "TWILIO_"))}


def environment_of(fake: FakeTwilio | None) -> dict[str, str]:
    """The environment of a command: with the account of ``fake``, or without any."""
    account = {}
    if fake:
        account = {
            "TWILIO_ACCOUNT_SID": fake.account_sid,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_PROXY_URL": fake.base_url,
            "TWILIO_API_URL": fake.api_url,
        }
    return CLEAN | account | {"PROXYGRAPH_SYNC_RATE": "0", "COLUMNS": "80"}


NOTE = re.compile(r"^.*\bINFO\b.*\bproxygraph\.store\b.*\n", re.MULTILINE)


@asynccontextmanager
async def erasing(
    fake: FakeTwilio | None,
    database: Database,
    *options: str,
    stdin: str = "",
    command: Sequence[str] = FRESH,
    **environment: str,
) -> AsyncIterator[Process]:
    """The command over ``database``, with the account of ``fake`` if any; killed if it is there at the block's end."""
    process = await asyncio.create_subprocess_exec(
        *(*command, "erase", "--database", str(database), *options),
        cwd=ROOT,
        env=environment_of(fake) | environment,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdin
    process.stdin.write(stdin.encode())
    process.stdin.close()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def erased(
    fake: FakeTwilio | None, database: Database, *options: str, stdin: str = "", **environment: str
) -> tuple[int | None, str, str]:
    """The exit code of the command, and what it printed, but for notes on when PostgreSQL's pages are cleaned."""
    async with erasing(fake, database, *options, stdin=stdin, command=command_line(), **environment) as process:
        assert process.stdout
        assert process.stderr
        out, err, _ = await asyncio.wait_for(
            asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait()), 90
        )
        told = err.decode()
        if isinstance(database, Address):
            told = NOTE.sub("", told)
        return process.returncode, out.decode(), told
