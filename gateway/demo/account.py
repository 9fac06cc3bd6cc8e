"""A made-up Twilio account, as bodies of its REST API. The same seed and day always give the same account.

Phone numbers are from the range reserved for fiction (+1 area code 555 01xx), and names are roles. All conversations
are of the two weeks before the day.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple

from gateway.demo.conversations import SLOTS, TRADES, Line, Trade
from store.enums import ResourceStatus, SessionMode, SessionStatus

Body = dict[str, Any]

DAY = date(2026, 1, 20)
"""The day of accounts for which no other is given, as in tests."""
PERIOD = timedelta(days=14)
"""How long before the day the first conversation begins."""
LONGEST_PAUSE = 400
"""The seconds between two interactions of a session, at most."""
API = "https://proxy.twilio.com/v1"
RESOURCES = "https://api.twilio.com/2010-04-01"
STATUSES = tuple(ResourceStatus)
MESSAGE_STATUSES = ("delivered",) * 12 + ("sent", "sent", "undelivered", "failed")
CALL_STATUSES = ("completed",) * 6 + ("busy", "no-answer", "canceled")
SESSION_STATUSES = (
    (SessionStatus.CLOSED,) * 8
    + (SessionStatus.OPEN, SessionStatus.IN_PROGRESS) * 3
    + (
        SessionStatus.FAILED,
        SessionStatus.UNKNOWN,
    )
)
MODES = (SessionMode.VOICE_AND_MESSAGE,) * 6 + (SessionMode.MESSAGE_ONLY, SessionMode.VOICE_ONLY)


class Conversation(NamedTuple):
    """The bodies of a Session, its Participants and its Interactions."""

    session: Body
    participants: list[Body]
    interactions: list[Body]


class Account:
    """An account of Services, Sessions and Interactions.

    Each Session has ``interactions`` Interactions, or, if ``varied``, a random number with that mean. The last of them
    ends before ``day`` begins, in UTC.
    """

    def __init__(
        self, seed: int, services: int, sessions: int, interactions: int, varied: bool = False, day: date = DAY
    ) -> None:
        self._random = Random(seed)
        self._end = datetime.combine(day, time(), UTC) - timedelta(seconds=1)
        self._begin = datetime.combine(day, time(), UTC) - PERIOD
        longest = timedelta(hours=2, seconds=LONGEST_PAUSE * interactions * (2 if varied else 1))
        self._pause = max(PERIOD - longest, timedelta(hours=1)) / max(sessions, 1)
        self._sessions, self._interactions, self._varied = sessions, interactions, varied
        self._statuses = 0
        self._sid = self._new_sid("AC")
        self._trades = [TRADES[number % len(TRADES)] for number in range(services)]
        self.services = [self._service(number, trade) for number, trade in enumerate(self._trades)]

    def conversations(self) -> Iterator[Conversation]:
        """All Sessions of all Services with their contents, in the order in which they were created."""
        for number in range(self._sessions):
            for service, trade in zip(self.services, self._trades, strict=True):
                yield self._conversation(number, service, trade)

    def _service(self, number: int, trade: Trade) -> Body:
        sid = self._new_sid("KS")
        created = _time(self._begin - timedelta(days=1) + timedelta(minutes=number))
        round_ = number // len(TRADES)
        return {
            "sid": sid,
            "account_sid": self._sid,
            "chat_instance_sid": None,
            "unique_name": trade.name if not round_ else f"{trade.name}-{round_ + 1}",
            "default_ttl": 86_400 * 7,
            "callback_url": f"https://{trade.name}.example.com/proxy/interactions",
            "geo_match_level": "area-code",
            "number_selection_behavior": "prefer-sticky",
            "intercept_callback_url": None,
            "out_of_session_callback_url": f"https://{trade.name}.example.com/proxy/lost",
            "date_created": created,
            "date_updated": created,
            "url": f"{API}/Services/{sid}",
        }

    def _conversation(self, number: int, service: Body, trade: Trade) -> Conversation:
        random = self._random
        sid = self._new_sid("KC")
        url = f"{service['url']}/Sessions/{sid}"
        start = self._begin + number * self._pause + timedelta(minutes=random.randrange(30))
        status = SESSION_STATUSES[(number + random.randrange(2)) % len(SESSION_STATUSES)]
        length = random.randint(0, self._interactions * 2) if self._varied and number else self._interactions
        joining = (start, start + timedelta(seconds=1))
        people = [
            self._participant(url, service, sid, role, joined)
            for role, joined in zip(trade.roles, joining, strict=True)
        ]
        if removed := number % 8 == 3:
            people.append(self._participant(url, service, sid, trade.roles[1], start + timedelta(hours=1)))
        interactions = self._interactions_of(url, service, sid, trade, people, start, length)
        last = interactions[-1]["date_created"] if interactions else None
        closed = status is SessionStatus.CLOSED
        ended = _time(min(start + timedelta(days=2), self._end)) if closed else None
        if removed:
            people[1]["date_deleted"] = people[1]["date_updated"] = people[2]["date_created"]
        session = {
            "sid": sid,
            "service_sid": service["sid"],
            "account_sid": self._sid,
            "unique_name": f"{trade.name}-{number + 1:05d}",
            "status": str(status),
            "closed_reason": "api" if closed else None,
            "mode": str(MODES[number % len(MODES)]),
            "ttl": service["default_ttl"],
            "date_started": _time(start) if status is not SessionStatus.FAILED else None,
            "date_ended": ended,
            "date_last_interaction": last,
            "date_expiry": None,
            "date_created": _time(start),
            "date_updated": ended or last or _time(start),
            "url": url,
        }
        return Conversation(session, people, interactions)

    def _participant(self, url: str, service: Body, session_sid: str, role: str, joined: datetime) -> Body:
        sid = self._new_sid("KP")
        area = self._random.choice(("202", "303", "415", "512", "617", "808"))
        return {
            "sid": sid,
            "session_sid": session_sid,
            "service_sid": service["sid"],
            "account_sid": self._sid,
            "friendly_name": role,
            "identifier": f"+1{area}55501{self._random.randrange(100):02d}",
            "proxy_identifier": f"+1{area}55501{self._random.randrange(100):02d}",
            "proxy_identifier_sid": self._new_sid("PN"),
            "date_deleted": None,
            "date_created": _time(joined),
            "date_updated": _time(joined),
            "url": f"{url}/Participants/{sid}",
        }

    def _interactions_of(
        self, url: str, service: Body, session_sid: str, trade: Trade, people: list[Body], start: datetime, length: int
    ) -> list[Body]:
        random, bodies, moment = self._random, [], start
        lines: list[Line] = []
        words: dict[str, str] = {}
        for _ in range(length):
            moment = min(moment + timedelta(seconds=random.randint(20, LONGEST_PAUSE)), self._end)
            now = _time(moment)
            sides = [people[0], people[1] if len(people) == 2 or now < people[2]["date_created"] else people[2]]
            if not lines:
                lines = list(random.choice(trade.scenes))
                words = {name: random.choice(choices) for name, choices in SLOTS.items()}
            call = random.random() < 0.12
            speaker, text = (random.randrange(2), "") if call else lines.pop(0)
            data = {"duration": str(random.randint(4, 600))} if call else {"body": text.format_map(words)}
            statuses = CALL_STATUSES if call else MESSAGE_STATUSES
            outbound_status = self._next_status() if random.random() < 0.05 else random.choice(statuses)
            if call and outbound_status != "completed":
                data = {}
            sid = self._new_sid("KI")
            body = {
                "sid": sid,
                "session_sid": session_sid,
                "service_sid": service["sid"],
                "account_sid": self._sid,
                "data": json.dumps(data, ensure_ascii=False) if data else None,
                "type": "voice" if call else "message",
                "date_created": now,
                "date_updated": _time(min(moment + timedelta(seconds=random.randint(1, 9)), self._end)),
                "url": f"{url}/Interactions/{sid}",
            }
            sender, receiver = (None, sides[0]) if speaker is None else (sides[speaker], sides[1 - speaker])
            lost = speaker is not None and random.random() < 0.02
            body |= self._leg("inbound", sender, call, "completed" if call else "received")
            body |= self._leg("outbound", None if lost else receiver, call, outbound_status)
            bodies.append(body)
        return bodies

    def _leg(self, side: str, participant: Body | None, call: bool, status: str) -> Body:
        if participant is None:
            properties = ("participant_sid", "resource_sid", "resource_status", "resource_type", "resource_url")
            return dict.fromkeys(f"{side}_{name}" for name in properties)
        sid = self._new_sid("CA" if call else "SM")
        collection = "Calls" if call else "Messages"
        return {
            f"{side}_participant_sid": participant["sid"],
            f"{side}_resource_sid": sid,
            f"{side}_resource_status": status,
            f"{side}_resource_type": "Call" if call else "Message",
            f"{side}_resource_url": f"{RESOURCES}/Accounts/{self._sid}/{collection}/{sid}.json",
        }

    def _next_status(self) -> str:
        self._statuses += 1
        return STATUSES[self._statuses % len(STATUSES)]

    def _new_sid(self, prefix: str) -> str:
        return f"{prefix}{self._random.getrandbits(128):032x}"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
