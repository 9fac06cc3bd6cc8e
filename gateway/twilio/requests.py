"""Sends requests to Twilio within its limits, and retries them.

Every request of the clients may be repeated, so one is retried after a 429 (which Twilio didn't process), a 5xx, a
broken connection and a body that isn't JSON, with backoff and jitter (Twilio's page on error 20429). stamina does the
backoff, aiolimiter limits the rate.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson
import stamina
from aiolimiter import AsyncLimiter
from yarl import URL

from gateway.observe.tracing import trace_headers
from gateway.settings.mirror import TwilioSettings
from gateway.twilio.adaptive_limit import AdaptiveLimit
from gateway.twilio.errors import PROXY_API, Api, NotTwilio, TwilioError, TwilioUnavailable, error_of
from gateway.twilio.network import connection_error, proxy_for
from store.columns import storable

BURST = 4
"""Requests that may be sent at once. Few, so that no period of 5 seconds has more than 5 times the rate."""

Body = dict[str, Any]
Form = Mapping[str, str]


class Requests:
    """Sends an account's requests. Twilio limits the rate per endpoint, and the concurrency per account."""

    def __init__(self, settings: TwilioSettings, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._attempts = settings.attempts
        self._adaptive_limit = AdaptiveLimit(settings.concurrency)
        self._rate = settings.rate
        rate = settings.rate * (1 - BURST / (5 * settings.rate)) if settings.rate else 0
        self._limiters: defaultdict[tuple[str, str], AsyncLimiter] = defaultdict(
            lambda: AsyncLimiter(BURST, BURST / rate)
        )
        self._proxies: dict[URL, URL | None] = {}
        self.sent = 0
        self.retries = 0
        self.clock_offset: timedelta | None = None
        """How far Twilio's clock (its ``Date`` header) is ahead of this machine's; None before the first answer."""

    async def send(
        self,
        verb: str,
        address: URL,
        where: str,
        endpoint: tuple[str, str],
        api: Api = PROXY_API,
        form: Form | None = None,
    ) -> Body:
        """Sends a request; returns the body of the answer, or ``{}`` for a DELETE (any 2xx means success).

        A POST sends ``form``. ``where`` names the request in errors: verb and path, without host and query.
        ``endpoint`` is the unit by which Twilio limits the rate. Raises a TwilioError.
        """
        try:
            return await self._send_once(verb, address, where, endpoint, api, form)
        except TwilioUnavailable as error:
            if self._attempts == 1:
                raise
            first, lost = error, error.processed
        async for attempt in stamina.retry_context(
            on=_backoff, attempts=self._attempts, timeout=None, wait_initial=0.2, wait_max=20.0
        ):
            with attempt:
                if attempt.num == 1:
                    raise first
                self.retries += 1
                try:
                    return await self._send_once(verb, address, where, endpoint, api, form)
                except TwilioError as error:
                    error.processed = lost = lost or error.processed
                    raise
        raise first

    async def _send_once(
        self, verb: str, address: URL, where: str, endpoint: tuple[str, str], api: Api, form: Form | None
    ) -> Body:
        if self._rate:
            await self._limiters[endpoint].acquire()
        async with self._adaptive_limit:
            self.sent += 1
            try:
                headers, proxy = trace_headers(), self._proxy(address)
                async with self._http.request(
                    verb, address, data=form, allow_redirects=False, headers=headers, proxy=proxy
                ) as response:
                    content = await response.read()
                    status, answered = response.status, response.headers
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise connection_error(error, where, address.host or "") from error
        if 200 <= status < 300:
            self._adaptive_limit.increase()
            self._read_clock(answered.get("Date"))
            return _check_deleted(content, where, api) if verb == "DELETE" else _decoded(content, where)
        refusal = error_of(status, _json_or_none(content), where, answered.get("Retry-After"), api)
        if isinstance(refusal, TwilioUnavailable) and refusal.is_rate_limited:
            self._adaptive_limit.halve()
        raise refusal

    def _proxy(self, address: URL) -> URL | None:
        origin = address.origin()
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(origin)
        return self._proxies[origin]

    def _read_clock(self, date: str | None) -> None:
        try:
            moment = parsedate_to_datetime(date or "")
        except ValueError:
            return
        self.clock_offset = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)


def _backoff(error: Exception) -> bool | float:
    if isinstance(error, TwilioUnavailable):
        return True if error.retry_after is None else error.retry_after
    return False


def _json_or_none(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _check_deleted(content: bytes, where: str, api: Api) -> Body:
    if content.strip() and _json_or_none(content) is None:
        raise NotTwilio(f"{where} was answered with something other than JSON. {api.advice}")
    return {}


def _decoded(content: bytes, where: str) -> Body:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        try:
            # orjson rejects the escape of a lone surrogate, as in a text that was cut in the middle of an emoji.
            body = orjson.loads(storable(json.dumps(json.loads(content), ensure_ascii=False)))
        except (ValueError, RecursionError) as error:
            raise TwilioUnavailable(f"{where} was answered with something other than JSON.") from error
    if not isinstance(body, dict):
        raise TwilioUnavailable(f"{where} was answered with JSON that isn't an object.")
    return body
