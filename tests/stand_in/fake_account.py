"""The data of the stand-in for Twilio: resources in lists under their parents, and the faults to inject.

Each list is identified by its path (``/Services/KS…/Sessions``) and sorted by (date_created, sid), oldest first.
Bodies are encoded when they are added, so a page is just a slice and a join.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from fake_twilio import FakeTwilio

Body = dict[str, Any]

API = "https://proxy.twilio.com/v1"
ACCOUNT_SID = "AC" + "0" * 32
RETENTION_DAYS = 90
DATA = Path(__file__).parents[1] / "data"
DOCUMENT: Body = orjson.loads((DATA / "twilio_proxy_v1.json").read_bytes())
"""Twilio's OpenAPI document of Proxy v1."""

IDENTITY = {"sid", "account_sid", "service_sid", "session_sid", "participant_sid"}
"""Nullable according to the document, but present in all of its examples; the fault ``nulls`` spares them."""
UNKNOWN_VALUES = ("partially-delivered", "read", "extended-area-code", "carrier-pigeon")
UNKNOWN_PROPERTY = "property_of_tomorrow"


class ResourceType(NamedTuple):
    """A resource type: its list's path, its links, and its enum, date and nullable properties."""

    path: str
    links: dict[str, str]
    enums: list[str]
    dates: list[str]
    nullable: list[str]


def _described(schema: str, path: str, **links: str) -> ResourceType:
    properties = DOCUMENT["components"]["schemas"][schema]["properties"].items()
    enums = [name for name, given in properties if "$ref" in given or name.endswith("resource_type")]
    dates = [name for name, given in properties if given.get("format") == "date-time"]
    nullable = [name for name, given in properties if given.get("nullable") and name not in IDENTITY]
    return ResourceType(path, links, enums, dates, nullable)


SESSIONS = "/Services/{service_sid}/Sessions"
SESSION = SESSIONS + "/{session_sid}"
RESOURCE_TYPES = {
    "KS": _described("proxy.v1.service", "/Services", sessions="Sessions", phone_numbers="PhoneNumbers"),
    "KC": _described("proxy.v1.service.session", SESSIONS, interactions="Interactions", participants="Participants"),
    "KP": _described(
        "proxy.v1.service.session.participant", f"{SESSION}/Participants", message_interactions="MessageInteractions"
    ),
    "KI": _described("proxy.v1.service.session.interaction", f"{SESSION}/Interactions"),
}
"""The resource types by SID prefix, parents first."""
RANK = {prefix: rank for rank, prefix in enumerate(RESOURCE_TYPES)}


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Injected faults: shares of requests (0 to 1; one draw decides among them), and unusual forms of all bodies.

    Everything is random with ``seed``: a body's unusual forms by seed and SID, a request's fault by order of arrival.
    """

    seed: int = 0
    too_many: float = 0.0
    """429 with code 20429, half of them with a Retry-After of 0, 1, or less than 0.1 seconds."""
    server_error: float = 0.0
    """500, 502 or 503, as JSON or HTML, without any effect."""
    broken: float = 0.0
    """The connection ends in the middle of the response, but a deletion has its effect."""
    not_json: float = 0.0
    """A 200 with HTML."""
    slow: float = 0.0
    """A further share of responses, which are ``slow_seconds`` late."""
    slow_seconds: float = 0.0
    drift: bool = False
    """Whether ``on_page`` is called before each page, with the stand-in, the list's path and the page's number."""
    on_page: "Callable[[FakeTwilio, str, int], None] | None" = None
    odd_case: bool = False
    """Enum values and resource_type are in another letter case."""
    fractions: bool = False
    """Dates have milliseconds."""
    nulls: bool = False
    """All properties that are nullable in Twilio's document are null, except SIDs of the body and its parents."""
    unknown_words: bool = False
    """A quarter of the enum values are unknown."""
    unknown_properties: bool = False
    """Each body has an unknown property."""

    def __post_init__(self) -> None:
        if self.too_many + self.server_error + self.broken + self.not_json > 1:
            raise ValueError("Expected shares of at most 1 altogether of too_many, server_error, broken and not_json.")
        if self.drift and self.on_page is None:
            raise ValueError("Expected an on_page, which drift calls before each page.")

    def with_oddities(self, body: Body) -> Body:
        """``body`` in the configured unusual forms."""
        if not (self.odd_case or self.fractions or self.nulls or self.unknown_words or self.unknown_properties):
            return body
        random, type_, odd = Random(f"{self.seed} {body['sid']}"), RESOURCE_TYPES[body["sid"][:2]], dict(body)
        for name in type_.enums:
            word = odd.get(name)
            if word and self.unknown_words and random.random() < 0.25:
                odd[name] = word = random.choice(UNKNOWN_VALUES)
            if word and self.odd_case:
                odd[name] = random.choice(sorted({word.upper(), word.lower(), word.title(), word.swapcase()} - {word}))
        for name in type_.dates if self.fractions else ():
            if isinstance(date := odd.get(name), str) and "." not in date:
                odd[name] = date.replace("Z", f".{random.randrange(1, 1000):03d}Z")
        if self.nulls:
            odd |= dict.fromkeys(type_.nullable)
        if self.unknown_properties:
            odd[UNKNOWN_PROPERTY] = {"of": ["a", random.randrange(10)]}
        return odd


class _Row(NamedTuple):
    """A body as served, and its position in the lists."""

    body: bytes
    paths: tuple[str, ...]
    """The paths of its lists; the second, if any, is a participant's MessageInteractions."""
    key: tuple[str, str]
    unique_name: str | None
    ended: str | None
    """When a session was closed or a participant removed."""


def now() -> datetime:
    """The machine's current time."""
    return datetime.now(UTC)


def written(moment: datetime) -> str:
    """``moment`` as Twilio writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeAccount:
    """The resources of a Twilio Proxy account, by SID and in their lists."""

    def __init__(self, account_sid: str, faults: Faults, clock: Callable[[], datetime]) -> None:
        self.account_sid, self.faults, self.clock = account_sid, faults, clock
        self._rows: dict[str, _Row] = {}
        self._lists: dict[str, list[tuple[str, str]]] = {"/Services": []}
        self._names: dict[str, dict[str, str]] = {}
        self._held: set[str] = set()

    def __contains__(self, sid: str) -> bool:
        return sid in self._rows

    def sids(self, prefix: str) -> list[str]:
        """The SIDs with this prefix: KS, KC, KP or KI."""
        return [sid for sid in self._rows if sid.startswith(prefix)]

    def get(self, sid: str) -> Body:
        """The body as served, in its unusual forms; raises KeyError if there is none."""
        body: Body = orjson.loads(self._rows[sid].body)
        return body

    def put(self, *bodies: Body) -> None:
        """Adds REST bodies, or replaces those with the same SIDs; fills in account_sid, url and links if missing.

        Parents may be given with their children in any order, but not later. A one-sided message also goes into its
        participant's MessageInteractions. Raises LookupError if a parent is missing.
        """
        for body in sorted(bodies, key=lambda body: RANK[body["sid"][:2]]):
            self._put(body)

    def _put(self, given: Body) -> None:
        sid: str = given["sid"]
        type_ = RESOURCE_TYPES[sid[:2]]
        path = type_.path.format_map(given)
        if path not in self._lists:
            raise LookupError(f"{sid} belongs into {path}, which is not there: put its parent first.")
        own = f"{path}/{sid}"
        body: Body = {"account_sid": self.account_sid, "url": API + own}
        if type_.links:
            body["links"] = {name: f"{API}{own}/{part}" for name, part in type_.links.items()}
        body |= given
        paths = (path, *_lists_of_messages(body))
        if body.pop("participant_sid", None):
            body["url"] = API + own
        if (old := self._rows.get(sid)) and old.paths[0] == path:
            self._unlist(sid, old)
        elif old:
            self.remove(sid)
        key = (body.get("date_created") or "", sid)
        name = body.get("unique_name") if sid.startswith("KC") else None
        self._rows[sid] = _Row(orjson.dumps(self.faults.with_oddities(body)), paths, key, name, _ended(body))
        if name:
            self._names.setdefault(path, {})[name] = sid
        for listed in self._lists.keys() & paths:
            insort(self._lists[listed], key)
        for part in type_.links.values():
            self._lists.setdefault(f"{own}/{part}", [])

    def remove(self, sid: str) -> None:
        """Removes a resource and everything below it, as if somebody deleted it; raises KeyError if there is none."""
        row = self._rows[sid]
        self._unlist(sid, row)
        self._drop(sid, row)

    def _unlist(self, sid: str, row: _Row) -> None:
        for path in row.paths:
            keys = self._lists.get(path, [])
            place = bisect_left(keys, row.key)
            if keys[place : place + 1] == [row.key]:
                del keys[place]
        if row.unique_name and self._names[row.paths[0]].get(row.unique_name) == sid:
            del self._names[row.paths[0]][row.unique_name]

    def _drop(self, sid: str, row: _Row) -> None:
        del self._rows[sid]
        self._held.discard(sid)
        for part in RESOURCE_TYPES[sid[:2]].links.values():
            path = f"{row.paths[0]}/{sid}/{part}"
            self._names.pop(path, None)
            for _, child in self._lists.pop(path, ()):
                if self._rows[child].paths[0] == path:
                    self._drop(child, self._rows[child])

    def expire(self, days: float = RETENTION_DAYS) -> list[str]:
        """Simulates Twilio's retention: removes sessions closed at least ``days`` days ago; returns their SIDs."""
        last = self.clock() - timedelta(days=days)
        ended = {sid: row.ended for sid, row in self._rows.items() if sid.startswith("KC")}
        gone = [sid for sid, end in ended.items() if end and datetime.fromisoformat(end) <= last]
        for sid in gone:
            self.remove(sid)
        return gone

    def hold(self, sid: str) -> None:
        """Puts ``sid`` under legal hold: the API refuses to delete it and its parents until ``release``."""
        self._held.add(self.get(sid)["sid"])

    def release(self, sid: str) -> None:
        """Ends the legal hold of ``sid``."""
        self._held.discard(sid)

    def held(self, sid: str) -> bool:
        """Whether ``sid``, or something below it, is under legal hold."""
        return any(sid == held or sid in self._rows[held].paths[0].split("/") for held in self._held)

    def removed(self, sid: str) -> bool:
        """Whether a participant was removed from its session."""
        return self._rows[sid].ended is not None

    def set_date_deleted(self, sid: str) -> None:
        """Removes a participant from its session as Twilio does: it stays, with a date_deleted."""
        time = written(self.clock())
        body = self.get(sid) | {"date_deleted": time, "date_updated": time}
        self._rows[sid] = self._rows[sid]._replace(body=orjson.dumps(body), ended=time)

    def has(self, path: str, sid: str) -> bool:
        """Whether ``sid`` is in the list of ``path``."""
        row = self._rows.get(sid)
        return row is not None and path in row.paths and path in self._lists

    def found(self, path: str, name: str) -> str | None:
        """The SID in the list of ``path`` with this SID or, for sessions, this unique_name."""
        return name if self.has(path, name) else self._names.get(path, {}).get(name)

    def shown(self, path: str, sid: str) -> bytes:
        """The body as the list of ``path`` shows it."""
        if not path.endswith("/MessageInteractions"):
            return self._rows[sid].body
        body = self.get(sid) | {"participant_sid": path.split("/")[-2]}
        return orjson.dumps(body | ({"url": f"{API}{path}/{sid}"} if body["url"] else {}))

    def page(self, path: str, offset: int, size: int) -> tuple[list[bytes], bool] | None:
        """The bodies of a page of a list, and whether there are more; None if there is no such list."""
        keys = self._lists.get(path)
        if keys is None:
            return None
        return [self.shown(path, sid) for _, sid in keys[offset : offset + size]], offset + size < len(keys)


def _lists_of_messages(body: Body) -> list[str]:
    """The MessageInteractions list that an interaction is also in: a one-sided message is in its receiver's."""
    if not body["sid"].startswith("KI") or body.get("inbound_participant_sid") or body.get("inbound_resource_sid"):
        return []
    message = str(body.get("type")).lower() == "message"
    receiver = body.get("participant_sid") or (body.get("outbound_participant_sid") if message else None)
    return [f"{SESSION.format_map(body)}/Participants/{receiver}/MessageInteractions"] if receiver else []


def _ended(body: Body) -> str | None:
    closed = str(body.get("status")).lower() == "closed"
    ended: str | None = body.get("date_ended" if closed else "date_deleted")
    return ended
