"""The fake Twilio's callbacks: forms as Twilio posts them, signed by its own package, in wild order with losses."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import aiohttp
from twilio.request_validator import SIGNATURE_HEADER, SIGNATURE_SETTINGS_HEADER, RequestValidator

from fake_account import Body, written
from fake_twilio import AUTH_TOKEN

PUBLIC_URL = "https://callbacks.example.com"
CALLBACK_PATH = "/callbacks/twilio"
OF_INTERACTION = ("sid", "session_sid", "service_sid", "account_sid", "type", "data", "date_created", "date_updated")
OF_LEG = ("participant_sid", "resource_sid", "resource_status", "resource_type", "resource_url")
PROPERTIES = {f"interaction_{name}": name for name in OF_INTERACTION} | {
    f"{leg}_{name}": f"{leg}_{name}" for leg in ("inbound", "outbound") for name in OF_LEG
}
PATHS_OF_MESSAGE = (("queued", "sending", "sent"), ("queued", "sent"), ("accepted", "queued", "sending"))
PATHS_OF_CALL = (("initiated", "ringing", "in-progress"), ("queued", "ringing"))


def form_of(body: Body, **others: str) -> dict[str, str]:
    """The form of a callback about an Interaction with this REST body; parameters of an absent leg are absent."""
    form = {_camel(parameter): body[name] for parameter, name in PROPERTIES.items() if body.get(name) is not None}
    form["interactionData"] = form.get("interactionData", "")
    return form | others


def history(body: Body, random: Random) -> list[Body]:
    """The states that an Interaction went through until it was as ``body``, which is the last of them.

    The first may lack the outbound leg. Callbacks have fractions of seconds, where the API has none.
    """
    final = body.get("outbound_resource_status")
    paths = PATHS_OF_CALL if str(body.get("type")).lower() == "voice" else PATHS_OF_MESSAGE
    states: list[Body] = [body | {"outbound_resource_status": status} for status in random.choice(paths) if final]
    if body.get("inbound_resource_sid") and random.random() < 0.5:
        states.insert(0, {name: value for name, value in body.items() if not name.startswith("outbound_")})
    states.append(dict(body))
    updated = datetime.fromisoformat(body["date_updated"])
    created = min(datetime.fromisoformat(body["date_created"]), updated)
    for number, state in enumerate(states):
        moment = created + (updated - created) * ((number + 1) / len(states))
        fraction = timedelta(milliseconds=random.randrange(1000)) if number == len(states) - 1 else timedelta()
        state["date_updated"] = (moment + fraction).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return states


class Poster:
    """Posts callbacks to a server that takes them at ``public_url``, signed by Twilio's own package."""

    def __init__(
        self, client: aiohttp.ClientSession, auth_token: str = AUTH_TOKEN, public_url: str = PUBLIC_URL
    ) -> None:
        self._client, self._url = client, public_url + CALLBACK_PATH
        self._validator = RequestValidator(auth_token)

    async def post(self, form: Mapping[str, Any], algorithm: str | None = None, **headers: str) -> int:
        """Posts one form; returns the status of the answer."""
        signed = {SIGNATURE_HEADER: self._validator.compute_signature(self._url, form, algorithm)}
        if algorithm:
            signed[SIGNATURE_SETTINGS_HEADER] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
        async with self._client.post(CALLBACK_PATH, data=form, headers=signed | headers) as response:
            await response.read()
            return response.status

    async def post_wildly(
        self, bodies: Iterable[Body], random: Random, loss: float = 0.3, twice: float = 0.3, at_once: int = 8
    ) -> Counter[int]:
        """Posts Interactions' histories in any order: some posts get lost, some come twice; counts the answers."""
        forms = [form_of(state) for body in bodies for state in history(body, random)]
        forms = [form for form in forms if random.random() >= loss]
        forms += [form for form in forms if random.random() < twice]
        random.shuffle(forms)
        answers: Counter[int] = Counter()

        async def post_some(some: list[dict[str, str]]) -> None:
            for form in some:
                answers[await self.post(form)] += 1

        await asyncio.gather(*(post_some(forms[first::at_once]) for first in range(at_once)))
        return answers


def conversation(body: Body, minutes: float = 1.0, **changes: Any) -> Body:
    """``body`` with words as callbacks have them, and last updated some minutes after it was created."""
    updated = datetime.fromisoformat(body["date_created"]) + timedelta(minutes=minutes)
    return body | {"date_updated": written(updated)} | changes


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)
