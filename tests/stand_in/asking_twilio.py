"""Requests to the stand-in for Twilio, and small accounts for it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp

from bodies import interaction, participant, service, session, sid
from fake_account import RESOURCE_TYPES
from fake_twilio import AUTH_TOKEN, FakeTwilio

Body = dict[str, Any]


KS, KC, KP, KI = (sid(prefix, 1) for prefix in RESOURCE_TYPES)


SESSIONS, SESSION = f"/Services/{KS}/Sessions", f"/Services/{KS}/Sessions/{KC}"


INTERACTIONS, PARTICIPANTS = f"{SESSION}/Interactions", f"{SESSION}/Participants"


WORLD = [service(), session(), participant(1), participant(2), interaction(1), interaction(2)]


MANY = [service(), session(), *(interaction(number) for number in range(205))]


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


Ask = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def asking(fake: FakeTwilio, *bodies: Body) -> AsyncIterator[Ask]:
    """A plain HTTP client of the stand-in, for paths and whole URLs."""
    fake.put(*bodies)
    headers = {"Authorization": aiohttp.encode_basic_auth(fake.account_sid, AUTH_TOKEN)}
    async with fake.serving() as base, aiohttp.ClientSession(headers=headers) as client:

        async def ask(path: str, verb: str = "GET", **options: Any) -> Answer:
            url = path if path.startswith("http") else base + path
            async with client.request(verb, url, **options) as response:
                read = response.json if response.content_type == "application/json" else response.text
                return Answer(response.status, await read(), response.headers)

        yield ask
