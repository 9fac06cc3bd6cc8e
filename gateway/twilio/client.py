"""The client of Twilio's Proxy API: the requests that the sync and deletions need, within Twilio's limits.

Every request here may be repeated, so the client retries after a 429 (which Twilio didn't process), a 5xx, a broken
connection and a body that isn't JSON, with backoff and jitter (Twilio's page on error 20429). stamina does the
backoff, aiolimiter limits the rate. A body names its account; the client refuses a body of another account.
"""

import json
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson
import stamina
from aiolimiter import AsyncLimiter
from cachetools import TTLCache
from yarl import URL

from gateway.observe.tracing import OUTGOING
from gateway.settings.mirror import TwilioSettings
from gateway.twilio.adaptive_limit import AdaptiveLimit
from gateway.twilio.errors import (
    CHECK_ADDRESS,
    ForeignAccount,
    NotTwilio,
    PageRefused,
    TwilioError,
    TwilioMissing,
    TwilioUnavailable,
    error_of,
)
from gateway.twilio.network import connection_error, proxy_for, tls_context
from store.twilio_mapping import storable

PAGE_SIZE = 100
TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)
BURST = 4
"""Requests that may go out at once: few, so that no 5 seconds see more than 5 times the rate."""

RECENTLY_SEEN_SECONDS = 60
"""How long a resource that was seen proves, with Twilio's 404, that something below it is gone."""
MAX_RECENTLY_SEEN = 10_000
BELOW_SESSION = 5
"""The words in the path of a list of a session's participants or interactions."""

Body = dict[str, Any]
Path = tuple[str, ...]


class Twilio:
    """An account's Proxy API. ``requests`` and ``retries`` count what was sent."""

    def __init__(self, settings: TwilioSettings, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._http = http
        self._base = settings.base_url
        self._adaptive_limit = AdaptiveLimit(settings.concurrency)
        rate = settings.rate * (1 - BURST / (5 * settings.rate)) if settings.rate else 0
        self._limiters: defaultdict[tuple[str, str], AsyncLimiter] = defaultdict(
            lambda: AsyncLimiter(BURST, BURST / rate)
        )
        self._recently_seen: TTLCache[Path, bool] = TTLCache(MAX_RECENTLY_SEEN, RECENTLY_SEEN_SECONDS, time.monotonic)
        self._is_verified = False
        self.requests = 0
        self.retries = 0
        self.clock_offset: timedelta | None = None
        """How far Twilio's clock (its ``Date`` header) is ahead of this machine's; None before the first answer."""

    @property
    def account_sid(self) -> str:
        """The account whose API it is."""
        return self._settings.account_sid

    async def verify(self) -> None:
        """Checks once that the address is Twilio's Proxy API and accepts the credentials. Raises a TwilioError."""
        if not self._is_verified:
            await self._first_page("Services")

    async def fetch(self, *path: str) -> Body:
        """The resource at ``path`` (``"Services", sid, …``). Raises a TwilioError, a ForeignAccount among them."""
        body = await self._request_with_retries("GET", path, self._address(path))
        sid = body.get("sid")
        if not isinstance(sid, str) or not isinstance(body.get("account_sid"), str) or sid.lower() != path[-1].lower():
            raise NotTwilio(f"GET /{'/'.join(path)} was answered with JSON that isn't this resource. {CHECK_ADDRESS}")
        self._check_owner(body, path)
        self._recently_seen[path] = True
        return body

    async def is_gone(self, *path: str) -> bool:
        """Whether the resource at ``path`` is gone: Twilio answers 404 for it, and a resource above it exists.

        Raises a TwilioError if that can't be decided, a TwilioMissing if nothing of the account exists any more.
        """
        try:
            await self.fetch(*path)
        except TwilioMissing:
            await self.check_ancestor_exists(*path[:-2])
            return True
        return False

    async def check_ancestor_exists(self, *path: str) -> None:
        """Checks that the resource at ``path``, or one above it, exists; raises TwilioMissing if none does."""
        for length in range(len(path), 0, -2):
            if path[:length] in self._recently_seen:
                return
            try:
                await self.fetch(*path[:length])
            except TwilioMissing:
                continue
            return
        if () not in self._recently_seen and not await self._first_page("Services"):
            raise TwilioMissing(
                f"Twilio shows nothing of the account {self.account_sid} any more, so nothing can be taken for deleted."
            )

    async def delete(self, *path: str) -> None:
        """Deletes the resource at ``path``; any 2xx means success. Raises a TwilioError."""
        await self._request_with_retries("DELETE", path, self._address(path))

    async def pages(self, *path: str) -> AsyncGenerator[list[Body], None]:
        """Yields the pages of the list at ``path``, up to the one that names no next page. Raises a TwilioError."""
        first = address = self._address(path, f"?PageSize={PAGE_SIZE}")
        seen: set[URL] = set()
        while True:
            seen.add(address)
            page = await self._page(path, address)
            rows, meta = page.get(path[-1].lower()), page.get("meta")
            if not isinstance(rows, list) or not isinstance(meta, dict) or _cut_off(path, rows, meta):
                raise TwilioUnavailable(f"GET /{'/'.join(path)} was answered with something else than a page.")
            if len(path) == BELOW_SESSION:  # An invalid row is left out alone.
                rows = [row if isinstance(row, dict) else {} for row in rows]
            for row in rows:
                self._check_owner(row, path)
            if rows:
                self._recently_seen[path[:-1]] = True
            self._is_verified = True
            yield rows
            if meta.get("next_page_url") is None:
                return
            address = self.next_page(meta["next_page_url"], first)
            if address in seen:
                raise PageRefused(f"The pages of /{'/'.join(path)} lead in circles: Twilio gave one of them twice.")

    async def _first_page(self, *path: str) -> list[Body]:
        async with aclosing(self.pages(*path)) as pages:
            return await anext(pages)

    async def _page(self, path: Path, address: URL) -> Body:
        try:
            return await self._request_with_retries("GET", path, address)
        except TwilioMissing as error:
            if len(path) > 1:
                raise
            raise NotTwilio(f"There is no Proxy API at {self._base}, which has to end in /v1. {error}") from error

    def next_page(self, given: object, first: URL) -> URL:
        """The address of the page after ``first``, from ``given``, Twilio's next_page_url.

        Raises PageRefused if it leads to another host or path, which must not get the credentials.
        """
        try:
            address = URL(self._settings.located(str(given)), encoded=True)
            same_place = address.origin() == first.origin() and address.path == first.path
            leads_on = isinstance(given, str) and same_place and address.user is None and address.password is None
        except ValueError:
            address, leads_on = first, False
        if not leads_on:
            raise PageRefused(
                f"Expected the next page of {first.path} at {first.origin()}, but Twilio gave an address elsewhere."
            )
        return address

    def _check_owner(self, body: Any, path: Path) -> None:
        if not isinstance(body, dict):
            raise TwilioUnavailable(f"GET /{'/'.join(path)} was answered with a list of something else than resources.")
        owner = body.get("account_sid")
        if isinstance(owner, str) and owner.lower() != self.account_sid.lower():
            raise ForeignAccount(
                f"Expected what belongs to the account {self.account_sid}, but /{'/'.join(path)} belongs to {owner}: "
                "the credentials are that account's. Give those of one account."
            )

    def _address(self, path: Path, query: str = "") -> URL:
        # Paths are SIDs and words of this module, with nothing in them to encode.
        return URL(f"{self._base}/{'/'.join(path)}{query}", encoded=True)

    async def _request_with_retries(self, verb: str, path: Path, address: URL) -> Body:
        try:
            return await self._request_once(verb, path, address)
        except TwilioUnavailable as error:
            if self._settings.attempts == 1:
                raise
            first, lost = error, error.processed
        async for attempt in stamina.retry_context(
            on=_backoff, attempts=self._settings.attempts, timeout=None, wait_initial=0.2, wait_max=20.0
        ):
            with attempt:
                if attempt.num == 1:
                    raise first
                self.retries += 1
                try:
                    return await self._request_once(verb, path, address)
                except TwilioError as error:
                    error.processed = lost = lost or error.processed
                    raise
        raise first

    async def _request_once(self, verb: str, path: Path, address: URL) -> Body:
        where = f"{verb} /{'/'.join(path)}"
        if self._settings.rate:
            # Twilio counts per endpoint and service: the second word of a path is the service.
            await self._limiters[path[-1] if len(path) % 2 else path[-2], path[1] if len(path) > 1 else ""].acquire()
        async with self._adaptive_limit:
            self.requests += 1
            try:
                async with self._http.request(verb, address, allow_redirects=False, headers=OUTGOING.get()) as response:
                    content = await response.read()
                    status, headers = response.status, response.headers
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise connection_error(error, where, address.host or "") from error
        if 200 <= status < 300:
            self._adaptive_limit.increase()
            self._read_clock(headers.get("Date"))
            return _decoded(content, where) if verb == "GET" else _check_deleted(content, where)
        refusal = error_of(status, _json_or_none(content), where, headers.get("Retry-After"))
        if isinstance(refusal, TwilioUnavailable) and refusal.is_rate_limited:
            self._adaptive_limit.halve()
        raise refusal

    def _read_clock(self, date: str | None) -> None:
        try:
            moment = parsedate_to_datetime(date or "")
        except ValueError:
            return
        self.clock_offset = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)


@asynccontextmanager
async def connected(settings: TwilioSettings) -> AsyncIterator[Twilio]:
    """A client with connections of its own, closed at the end of the block."""
    stamina.instrumentation.set_on_retry_hooks([])  # Retries are counted, not logged one by one.
    authorization = aiohttp.encode_basic_auth(settings.username, settings.password.get_secret_value())
    connector = aiohttp.TCPConnector(limit=settings.concurrency, keepalive_timeout=30, ssl=tls_context())
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=TIMEOUT,
        proxy=proxy_for(URL(settings.base_url)),
        headers={"Accept": "application/json", "Authorization": authorization},
    ) as http:
        yield Twilio(settings, http)


def _backoff(error: Exception) -> bool | float:
    if isinstance(error, TwilioUnavailable):
        return True if error.retry_after is None else error.retry_after
    return False


def _cut_off(path: Path, rows: list[Any], meta: Body) -> bool:
    """Whether the list is incomplete: no next_page_url in its meta, and it lists Sessions or its page is full."""
    return "next_page_url" not in meta and (len(path) < BELOW_SESSION or len(rows) >= PAGE_SIZE)


def _json_or_none(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _check_deleted(content: bytes, where: str) -> Body:
    if content.strip() and _json_or_none(content) is None:
        raise NotTwilio(f"{where} was answered with a page instead of Twilio's word. {CHECK_ADDRESS}")
    return {}


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


__all__ = ["Body", "Twilio", "TwilioError", "connected"]
