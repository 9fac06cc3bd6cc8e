"""The client of Twilio's Proxy API: the requests that the sync and deletions need.

Every request here may be repeated. gateway/twilio/requests.py sends them within Twilio's limits, and retries them. A
body names its account; the client refuses a body of another account.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import stamina
from cachetools import TTLCache
from yarl import URL

from gateway.settings.mirror import TwilioSettings
from gateway.twilio.errors import (
    PROXY_API,
    ForeignAccount,
    NotTwilio,
    PageRefused,
    TwilioError,
    TwilioMissing,
    TwilioRefused,
    TwilioUnavailable,
)
from gateway.twilio.network import proxy_for, tls_context
from gateway.twilio.records import TwilioRecords
from gateway.twilio.requests import Body, Requests

PAGE_SIZE = 100
TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)

RECENTLY_SEEN_SECONDS = 60
"""For how long a fetched resource proves that Twilio's 404 for something below it means a deletion."""
MAX_RECENTLY_SEEN = 10_000
BELOW_SESSION = 5
"""The number of parts in the path of a list of a session's participants or interactions."""

Path = tuple[str, ...]


class Twilio:
    """An account's Proxy API. ``requests`` counts all requests that were sent, ``retries`` the repeated ones."""

    def __init__(self, settings: TwilioSettings, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._base = settings.base_url
        self._sender = Requests(settings, http)
        self._recently_seen: TTLCache[Path, bool] = TTLCache(MAX_RECENTLY_SEEN, RECENTLY_SEEN_SECONDS, time.monotonic)
        self._is_verified = False
        self.records = TwilioRecords(settings, self._sender)
        """The Message and Call records of the same account."""

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._sender.sent

    @property
    def retries(self) -> int:
        """How many of them were retries."""
        return self._sender.retries

    @property
    def clock_offset(self) -> timedelta | None:
        """How far Twilio's clock is ahead of this machine's; None before the first answer."""
        return self._sender.clock_offset

    @property
    def account_sid(self) -> str:
        """The SID of the account."""
        return self._settings.account_sid

    async def verify(self) -> None:
        """Checks once that the address is Twilio's Proxy API and accepts the credentials. Raises a TwilioError."""
        if not self._is_verified:
            await self._first_page("Services")

    async def fetch(self, *path: str) -> Body:
        """The resource at ``path`` (``"Services", sid, …``). Raises a TwilioError, a ForeignAccount among them."""
        body = await self._request("GET", path, self._address(path))
        sid = body.get("sid")
        if not isinstance(sid, str) or not isinstance(body.get("account_sid"), str) or sid.lower() != path[-1].lower():
            raise NotTwilio(
                f"GET /{'/'.join(path)} was answered with JSON that isn't this resource. {PROXY_API.advice}"
            )
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
                f"Twilio no longer shows anything of the account {self.account_sid}, so nothing can count as deleted."
            )

    async def delete(self, *path: str) -> None:
        """Deletes the resource at ``path``; any 2xx means success. Raises a TwilioError."""
        await self._request("DELETE", path, self._address(path))

    async def update(self, *path: str, **properties: str) -> Body:
        """Sets ``properties``, by Twilio's names, of the resource at ``path``; returns it. Raises a TwilioError."""
        body = await self._request("POST", path, self._address(path), properties)
        self._check_owner(body, path)
        return body

    async def pages(self, *path: str) -> AsyncGenerator[list[Body], None]:
        """Yields the pages of the list at ``path``, up to the one that names no next page. Raises a TwilioError."""
        first = address = self._address(path, f"?PageSize={PAGE_SIZE}")
        seen: set[URL] = set()
        while True:
            seen.add(address)
            page = await self._page(path, address)
            rows, meta = page.get(path[-1].lower()), page.get("meta")
            if not isinstance(rows, list) or not isinstance(meta, dict) or _is_incomplete(path, rows, meta):
                raise TwilioUnavailable(f"GET /{'/'.join(path)} was answered with something other than a page.")
            if len(path) == BELOW_SESSION:  # Only the invalid row is left out.
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
                raise PageRefused(
                    f"The pages of /{'/'.join(path)} form a loop: Twilio returned the same next page twice."
                )

    async def shows_any(self, *path: str) -> bool:
        """Whether Twilio shows a row of the list at ``path``; not if it answers 404. Raises a TwilioError."""
        try:
            return bool(await self._first_page(*path))
        except TwilioMissing:
            return False

    async def check_nothing_below(self, *path: str) -> None:
        """Checks that a Session that was answered 404 has no contents either; raises TwilioRefused if it has."""
        for contents in ("Participants", "Interactions"):
            if await self.shows_any(*path, contents):
                raise TwilioRefused(f"{path[-1]} was answered 404, but Twilio still shows its {contents.lower()}.")

    async def _first_page(self, *path: str) -> list[Body]:
        async with aclosing(self.pages(*path)) as pages:
            return await anext(pages)

    async def _page(self, path: Path, address: URL) -> Body:
        try:
            return await self._request("GET", path, address)
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
            is_same_list = address.origin() == first.origin() and address.path == first.path
            is_valid = isinstance(given, str) and is_same_list and address.user is None and address.password is None
        except ValueError:
            address, is_valid = first, False
        if not is_valid:
            raise PageRefused(
                f"Expected the next page of {first.path} at {first.origin()}, but Twilio returned another address."
            )
        return address

    def _check_owner(self, body: Any, path: Path) -> None:
        if not isinstance(body, dict):
            raise TwilioUnavailable(
                f"GET /{'/'.join(path)} was answered with a list of something other than resources."
            )
        owner = body.get("account_sid")
        if isinstance(owner, str) and owner.lower() != self.account_sid.lower():
            raise ForeignAccount(
                f"Expected a resource of the account {self.account_sid}, but /{'/'.join(path)} belongs to {owner}: the "
                "credentials are those of that account. Use the SID and the credentials of the same account."
            )

    def _address(self, path: Path, query: str = "") -> URL:
        # Paths consist of SIDs and constants of this module, so nothing in them needs encoding.
        return URL(f"{self._base}/{'/'.join(path)}{query}", encoded=True)

    async def _request(self, verb: str, path: Path, address: URL, form: Mapping[str, str] | None = None) -> Body:
        # Twilio limits the rate per endpoint and Service; the second part of a path is the Service.
        endpoint = path[-1] if len(path) % 2 else path[-2], path[1] if len(path) > 1 else ""
        return await self._sender.send(verb, address, f"{verb} /{'/'.join(path)}", endpoint, form=form)


@asynccontextmanager
async def connected(settings: TwilioSettings) -> AsyncIterator[Twilio]:
    """A client with its own connections, which are closed at the end of the block."""
    proxy_for(URL(settings.base_url))  # Raises an error right away if the environment names an unusable proxy.
    stamina.instrumentation.set_on_retry_hooks([])  # Retries are counted, not logged one by one.
    authorization = aiohttp.encode_basic_auth(settings.username, settings.password.get_secret_value())
    connector = aiohttp.TCPConnector(limit=settings.concurrency, keepalive_timeout=30, ssl=tls_context())
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=TIMEOUT,
        headers={"Accept": "application/json", "Authorization": authorization},
    ) as http:
        yield Twilio(settings, http)


def _is_incomplete(path: Path, rows: list[Any], meta: Body) -> bool:
    """Whether the list is incomplete: no next_page_url in its meta, and it lists Sessions or its page is full."""
    return "next_page_url" not in meta and (len(path) < BELOW_SESSION or len(rows) >= PAGE_SIZE)


__all__ = ["Body", "Twilio", "TwilioError", "connected"]
