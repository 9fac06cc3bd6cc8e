"""The client of Twilio's Proxy API: the requests that the mirror needs, within Twilio's limits.

A 429 was never processed, so any verb is tried again, with backoff and jitter (Twilio's page on error 20429); a
5xx, a broken connection and a body that is no JSON are tried again too, since all that is asked here can be
asked twice. stamina does the waiting, aiolimiter keeps to the rate.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import stamina
from aiolimiter import AsyncLimiter
from yarl import URL

from gateway.observe.tracing import OUTGOING
from gateway.settings.mirror import TwilioSettings
from gateway.twilio.adaptive_limit import Gate
from gateway.twilio.errors import PageRefused, TwilioError, TwilioUnavailable, error_of
from store.twilio_mapping import storable

PAGE_SIZE = 100
TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)
BURST = 4
"""Requests that may go out at once: few, so that no 5 seconds see more than 5 times the rate."""

Body = dict[str, Any]


class Twilio:
    """An account's Proxy API. ``requests`` and ``retries`` count what was sent."""

    def __init__(self, settings: TwilioSettings, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._http = http
        self._base = settings.proxy_url.rstrip("/")
        self._gate = Gate(settings.concurrency)
        rate = settings.rate * (1 - BURST / (5 * settings.rate)) if settings.rate else 0
        self._limiters: defaultdict[tuple[str, str], AsyncLimiter] = defaultdict(
            lambda: AsyncLimiter(BURST, BURST / rate)
        )
        self.requests = 0
        self.retries = 0

    @property
    def account_sid(self) -> str:
        """The account whose API it is."""
        return self._settings.account_sid

    async def fetch(self, *path: str) -> Body:
        """The resource at ``path`` (``"Services", sid, …``). Raises a TwilioError."""
        return await self._asked("GET", path, self._address(path))

    async def delete(self, *path: str) -> None:
        """Deletes the resource at ``path``; any 2xx is a yes. Raises a TwilioError."""
        await self._asked("DELETE", path, self._address(path))

    async def pages(self, *path: str) -> AsyncIterator[list[Body]]:
        """The pages of the list at ``path``, until Twilio says that there is none after it. Raises a TwilioError."""
        first = address = self._address(path, f"?PageSize={PAGE_SIZE}")
        seen: set[URL] = set()
        while True:
            seen.add(address)
            page = await self._asked("GET", path, address)
            meta = page.get("meta")
            rows = page.get(path[-1].lower())
            if not isinstance(meta, dict) or not isinstance(rows, list):
                raise TwilioUnavailable(f"GET /{'/'.join(path)} was answered with something else than a page.")
            yield [row for row in rows if isinstance(row, dict)]
            if meta.get("next_page_url") is None:
                return
            address = _next(meta["next_page_url"], first)
            if address in seen:
                raise PageRefused(f"The pages of /{'/'.join(path)} lead in circles: Twilio gave one of them twice.")

    def _address(self, path: tuple[str, ...], query: str = "") -> URL:
        # Paths are SIDs and words of this module, with nothing in them to encode.
        return URL(f"{self._base}/{'/'.join(path)}{query}", encoded=True)

    async def _asked(self, verb: str, path: tuple[str, ...], address: URL) -> Body:
        try:
            return await self._once(verb, path, address)
        except TwilioUnavailable as error:
            if self._settings.attempts == 1:
                raise
            first = error
        async for attempt in stamina.retry_context(
            on=_backoff, attempts=self._settings.attempts, timeout=None, wait_initial=0.2, wait_max=20.0
        ):
            with attempt:
                if attempt.num == 1:
                    raise first
                self.retries += 1
                return await self._once(verb, path, address)
        raise first

    async def _once(self, verb: str, path: tuple[str, ...], address: URL) -> Body:
        where = f"{verb} /{'/'.join(path)}"
        if self._settings.rate:
            # Twilio counts per endpoint and service: the second word of a path is the service.
            await self._limiters[path[-1] if len(path) % 2 else path[-2], path[1] if len(path) > 1 else ""].acquire()
        async with self._gate:
            self.requests += 1
            try:
                async with self._http.request(verb, address, allow_redirects=False, headers=OUTGOING.get()) as response:
                    content = await response.read()
                    status, retry_after = response.status, response.headers.get("Retry-After")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                lost = not isinstance(error, aiohttp.ClientConnectorError)
                raise TwilioUnavailable(f"{where} got no answer ({type(error).__name__}).", processed=lost) from error
        if 200 <= status < 300:
            self._gate.widen()
            return _decoded(content, where) if verb == "GET" else {}
        if status == 429:
            self._gate.narrow()
        try:
            said = orjson.loads(content)
        except orjson.JSONDecodeError:
            said = None
        raise error_of(status, said, where, retry_after)


@asynccontextmanager
async def connected(settings: TwilioSettings) -> AsyncIterator[Twilio]:
    """A client with connections of its own, closed at the end of the block."""
    stamina.instrumentation.set_on_retry_hooks([])  # Retries are counted, not logged one by one.
    authorization = aiohttp.encode_basic_auth(settings.username, settings.password.get_secret_value())
    connector = aiohttp.TCPConnector(limit=settings.concurrency, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=TIMEOUT,
        headers={"Accept": "application/json", "Authorization": authorization},
    ) as http:
        yield Twilio(settings, http)


def _backoff(error: Exception) -> bool | float:
    if isinstance(error, TwilioUnavailable):
        return True if error.retry_after is None else error.retry_after
    return False


def _decoded(content: bytes, where: str) -> Body:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        try:
            # A text that was cut in the middle of an emoji escapes half of it, which orjson takes for no JSON.
            body = orjson.loads(storable(json.dumps(json.loads(content), ensure_ascii=False)))
        except (ValueError, RecursionError) as error:
            raise TwilioUnavailable(f"{where} was answered with something else than JSON.") from error
    if not isinstance(body, dict):
        raise TwilioUnavailable(f"{where} was answered with JSON that is no object.")
    return body


def _next(given: object, first: URL) -> URL:
    """The next page's address; raises PageRefused where the credentials must not be sent there."""
    try:
        address = URL(str(given), encoded=True)
        same_place = address.origin() == first.origin() and address.path == first.path
        leads_on = isinstance(given, str) and same_place and address.user is None and address.password is None
    except ValueError:
        address, leads_on = first, False
    if not leads_on:
        raise PageRefused(
            f"Expected the next page of {first.path} at {first.origin()}, but Twilio gave an address elsewhere."
        )
    return address


__all__ = ["Body", "Twilio", "TwilioError", "connected"]
