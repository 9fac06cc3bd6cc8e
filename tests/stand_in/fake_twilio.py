"""A stand-in for Twilio's REST API on 127.0.0.1, for tests and for trials: the read and delete side of Proxy v1, the
update of a Service, and the records behind its Interactions in the 2010 API (fake_records.py).

``python tests/stand_in/fake_twilio.py`` serves a made-up account and prints what to export to use it in Twilio's place.
It does what Twilio documents. Where Twilio documents nothing it does one thing, and each of those is said here:
lists are sorted by (date_created, sid); a PageSize above 100 counts as 100, and one below 1 is 400/80701; a token
stands for an offset and is good for its list only; a malformed or unknown SID or unique name is 404/20404; a removed
participant stays in its list, and can be fetched but not removed again; its DELETE is a 200 without a body; a verb
not offered is 405/20004; a held resource is 400/80615; a 429 doesn't count for the rate limit; url and links of
bodies have Twilio's own address, a list's meta has the stand-in's; the Date is that of ``clock``.
"""

import argparse
import asyncio
import re
import sys
import time
from base64 import b64encode
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from random import Random
from urllib.parse import unquote

import orjson
from aiohttp import web

from fake_account import ACCOUNT_SID, DOCUMENT, Body, FakeAccount, Faults, now
from fake_answers import answer_of, cut, error, missing, offset_of, token_of
from fake_records import RECORD_VERBS, VERSION_2010, FakeRecords, record_call

__all__ = ["API_KEY", "API_SECRET", "AUTH_TOKEN", "FakeTwilio", "Faults", "now"]

AUTH_TOKEN, API_KEY, API_SECRET = "1" * 32, "SK" + "0" * 32, "2" * 32
HOST, VERSION = "127.0.0.1", "v1"
PAGE_SIZE, MAX_PAGE_SIZE = 50, 100
RATE, WINDOW_SECONDS = 30, 5.0
"""The requests a second that an endpoint of a service accepts, on average over the window."""

VERBS = {
    re.sub(r"{\w+}", "{}", path.removeprefix(f"/{VERSION}")): [verb.upper() for verb in ("get", "delete") if verb in at]
    for path, at in DOCUMENT["paths"].items()
    if "/PhoneNumbers" not in path
}
"""The verbs of each endpoint: '/Services', '/Services/{}', '/Services/{}/Sessions' and so on."""
VERBS["/Services/{}"].append("POST")
FAULT_KINDS = ("too_many", "server_error", "broken", "not_json", "")
FAULTS: Body = {"too_many": 0.02, "server_error": 0.01, "broken": 0.005, "not_json": 0.005, "slow": 0.01}
FAULTS |= {"slow_seconds": 0.5, "odd_case": True, "fractions": True, "unknown_words": True, "unknown_properties": True}
"""The faults that ``--faults`` injects."""
HTML = "<html><head><title>Sorry</title></head><body><h1>We will be back in a moment</h1></body></html>"


class FakeTwilio(FakeAccount):
    """An account in memory and, during ``serving``, its API; the counters include refused requests."""

    def __init__(
        self,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        faults: Faults | None = None,
        latency: float = 0.0,
        rate_limit: bool = False,
        clock: Callable[[], datetime] = now,
        *,
        api_key: str = API_KEY,
        api_secret: str = API_SECRET,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(account_sid, faults or Faults(), clock)
        self.records = FakeRecords(account_sid)
        self.latency, self.rate_limit = latency, rate_limit
        self.requests: Counter[str] = Counter()
        """The number of requests by template (verb and endpoint), such as 'GET /Services/{}/Sessions'."""
        self.log: list[tuple[float, str, str]] = []
        """For each request: its time (by ``monotonic``), its template, and its service's SID ('' for all services)."""
        self.status_counts: Counter[int] = Counter()
        self.fault_counts: Counter[str] = Counter()
        """How often each fault occurred, by its name in Faults, and how often a scripted one did ('scripted')."""
        self.base_url = ""
        self._form: dict[str, str] = {}
        self._monotonic, self._random = monotonic, Random(self.faults.seed)
        self._shares = [getattr(self.faults, fault) for fault in FAULT_KINDS if fault]
        self._shares.append(1 - sum(self._shares))
        self._script: list[tuple[str, int, Body | str, Mapping[str, str]]] = []
        self._answered: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        pairs = ((account_sid, auth_token), (api_key, api_secret))
        self._credentials = {"Basic " + b64encode(f"{name}:{secret}".encode()).decode() for name, secret in pairs}

    @property
    def api_url(self) -> str:
        """The base URL of the 2010 API."""
        return f"{self.base_url.removesuffix(VERSION)}{VERSION_2010}"

    def put(self, *bodies: Body) -> None:
        """See FakeAccount; also creates the Message and Call records behind Interactions."""
        super().put(*bodies)
        for body in bodies:
            if body["sid"].startswith("KI"):
                self.records.add_legs(body, self)

    @property
    def total_requests(self) -> int:
        """The number of all requests."""
        return self.requests.total()

    def fail_next(
        self, template: str, status: int, body: Body | str, times: int = 1, headers: Mapping[str, str] | None = None
    ) -> None:
        """The next ``times`` requests whose template contains ``template`` get this response and have no effect.

        A dictionary is sent as JSON, a text as HTML.
        """
        self._script += [(template, status, body, headers or {})] * times

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Serves on 127.0.0.1 until the end of the block; yields the base URL."""
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port).start()
            self.base_url = f"http://{HOST}:{runner.addresses[0][1]}/{VERSION}"
            yield self.base_url
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        endpoint, path, name, service = _call(request)
        template, at = f"{request.method} {endpoint}", self._monotonic()
        self.requests[template] += 1
        self.log.append((at, template, service))
        fault, late = self._random.choices(FAULT_KINDS, self._shares)[0], self._random.random() < self.faults.slow
        if delay := self.latency + late * self.faults.slow_seconds:
            await asyncio.sleep(delay)
        self._form = {name: str(value) for name, value in (await request.post()).items()}
        answer = self._refused(request, endpoint) or self._scripted(template) or self._limited(template, service, at)
        if answer:
            fault = ""
        else:
            answer = self._faulty(request, path, name, fault)
            self.fault_counts.update({fault, "slow" * late} - {""})
        self.status_counts[answer.status] += 1
        answer.headers["Date"] = formatdate(self.clock().timestamp(), usegmt=True)
        return await cut(request, answer) if fault == "broken" else answer

    def _refused(self, request: web.BaseRequest, endpoint: str) -> web.Response | None:
        if f"//{request.host}/" not in self.base_url:
            return error(404, 20404, f"There is no {request.host} here.")
        if request.headers.get("Authorization") not in self._credentials:
            return error(401, 20003, "Authenticate", {"WWW-Authenticate": 'Basic realm="Twilio API"'})
        if (verbs := VERBS.get(endpoint) or RECORD_VERBS.get(endpoint)) is None:
            return missing(request.rel_url.raw_path)
        if request.method not in verbs:
            return error(405, 20004, f"{request.method} is not allowed.", {"Allow": ", ".join(verbs)})
        return None

    def _scripted(self, template: str) -> web.Response | None:
        for number, (part, status, body, headers) in enumerate(self._script):
            if part in template:
                del self._script[number]
                self.fault_counts["scripted"] += 1
                return answer_of(status, body, headers)
        return None

    def _limited(self, template: str, service: str, at: float) -> web.Response | None:
        if not self.rate_limit:
            return None
        times = self._answered[template, service]
        while times and times[0] <= at - WINDOW_SECONDS:
            times.popleft()
        if len(times) >= RATE * WINDOW_SECONDS:
            return error(429, 20429, "Too many requests")
        times.append(at)
        return None

    def _faulty(self, request: web.BaseRequest, path: str, name: str | None, fault: str) -> web.Response:
        if fault == "too_many":
            wait = self._random.choice((None, None, None, None, "0", "1", "0.02", "0.05"))
            return error(429, 20429, "Too many requests", {"Retry-After": wait} if wait else None)
        if fault == "server_error":
            status = self._random.choice((500, 502, 503))
            body: Body = {"message": "An internal server error has occurred", "status": status}
            return answer_of(status, body if self._random.random() < 0.5 else HTML)
        if path.startswith("/Accounts/"):
            answer = self.records.answer(request.method, path, name)
        else:
            answer = self._list(request, path) if name is None else self._one(request.method, path, name)
        return answer_of(200, HTML) if fault == "not_json" and answer.status == 200 else answer

    def _one(self, verb: str, path: str, name: str) -> web.Response:
        if verb == "GET":
            sid = self.found(path, name)
            return missing(f"{path}/{name}") if sid is None else answer_of(200, self.shown(path, sid))
        if verb == "POST" and self.has(path, name):
            self.put(
                self.get(name) | {re.sub("(?<!^)(?=[A-Z])", "_", key).lower(): self._form[key] for key in self._form}
            )
            return answer_of(200, self.shown(path, name))
        participant = name.startswith("KP")
        if not self.has(path, name) or (participant and self.removed(name)):
            return missing(f"{path}/{name}")
        if self.held(name):
            return error(400, 80615, f"{path}/{name} is under a legal hold and can't be deleted.")
        if participant:
            self.set_date_deleted(name)
            return web.Response()
        self.remove(name)
        return web.Response(status=204)

    def _list(self, request: web.BaseRequest, path: str) -> web.Response:
        query = request.rel_url.query
        try:
            size, number = int(query.get("PageSize", PAGE_SIZE)), int(query.get("Page", 0))
        except ValueError:
            size = number = -1
        if size < 1 or number < 0:
            return error(400, 80701, "PageSize has to be a number from 1, and Page one from 0.")
        size, token = min(size, MAX_PAGE_SIZE), query.get("PageToken")
        if number and token is None:
            return error(400, 70002, "Paged requests must include a PageToken")
        offset = 0 if token is None else offset_of(path, token)
        if offset is None:
            return error(400, 21481, "Invalid PageToken")
        if self.faults.drift and self.faults.on_page:
            self.faults.on_page(self, path, number)
        if not (page := self.page(path, offset, size)):
            return missing(path)
        rows, more = page

        def url(number: int, offset: int) -> str:
            place = f"{number}&PageToken={token_of(path, offset)}" if number or offset else "0"
            return f"{self.base_url}{path}?PageSize={size}&Page={place}"

        key = path.rpartition("/")[2].removeprefix("Message").lower()
        meta = {
            "page": number,
            "page_size": size,
            "first_page_url": url(0, 0),
            "previous_page_url": url(max(number - 1, 0), max(offset - size, 0)) if offset else None,
            "url": url(number, offset),
            "next_page_url": url(number + 1, offset + size) if more else None,
            "key": key,
        }
        return answer_of(200, b'{"meta":%b,"%b":[%b]}' % (orjson.dumps(meta), key.encode(), b",".join(rows)))


def _call(request: web.BaseRequest) -> tuple[str, str, str | None, str]:
    """A request's endpoint, the path of its list, the name in the list (None: all of it), and the service's SID."""
    parts = request.rel_url.raw_path.split("/")
    if parts[1] == VERSION_2010:
        return record_call(parts)
    endpoint = "/" + "/".join(part if number % 2 == 0 else "{}" for number, part in enumerate(parts[2:]))
    if parts[1] != VERSION or endpoint not in VERBS:
        return "(unknown)", "", None, ""
    service = parts[3] if len(parts) > 3 else ""
    name = unquote(parts.pop()) if endpoint.endswith("{}") else None
    return endpoint, "/" + "/".join(parts[2:]), name, service


async def _main() -> None:
    parser = argparse.ArgumentParser(description="Serves a made-up Twilio Proxy account on 127.0.0.1.")
    for name, default in (("services", 3), ("sessions", 40), ("interactions", 12), ("seed", 1), ("port", 0)):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"default {default}")
    parser.add_argument("--latency", type=int, default=0, metavar="MS", help="of each answer; default 0")
    parser.add_argument("--faults", action="store_true", help="some answers fail, break, or are odd")
    given = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from gateway.demo.account import Account

    today = datetime.now(UTC).date()
    account = Account(given.seed, given.services, given.sessions, given.interactions, varied=True, day=today)
    sid = account.services[0]["account_sid"] if account.services else ACCOUNT_SID
    faults = Faults(seed=given.seed, **(FAULTS if given.faults else {}))
    fake = FakeTwilio(sid, faults=faults, latency=given.latency / 1000)
    fake.put(*account.services)
    for session, participants, interactions in account.conversations():
        fake.put(session, *participants, *interactions)
    async with fake.serving(given.port) as url:
        for name, value in (
            ("ACCOUNT_SID", sid),
            ("AUTH_TOKEN", AUTH_TOKEN),
            ("API_URL", fake.api_url),
            ("PROXY_URL", url),
        ):
            print(f"export TWILIO_{name}={value}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main())
