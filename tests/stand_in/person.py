"""A person in the fake Twilio: one number in several sessions of two services, with others who stay."""

import json

import bodies
from fake_twilio import FakeTwilio

NUMBER = "+12025550121"
OLD, ENDED = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
CANARIES = ("CANARY-TEXT", "CANARY-NAME", NUMBER)
"""What of the person may be in no file after the erasure."""


def put_person(fake: FakeTwilio, sessions: int = 4, interactions: int = 5, others: int = 1, services: int = 2) -> None:
    """Puts ``sessions`` with the person, by turns in the ``services``, and one of others for each ``others``.

    The person's participant in session n is KP 2n; the first session is still open.
    """
    for service in range(1, services + 1):
        fake.put(bodies.service(service, account_sid=fake.account_sid))
    for number in range(1, sessions + others + 1):
        mine = number <= sessions
        service = 1 + number % services
        of = {"service_sid": bodies.sid("KS", service), "account_sid": fake.account_sid}
        over = {} if number == 1 else {"status": "closed", "date_ended": ENDED}
        dates = {"date_created": OLD, "date_updated": OLD}
        fake.put(bodies.session(number, of=service, account_sid=fake.account_sid, **dates, **over))
        person = {"identifier": NUMBER, "friendly_name": f"CANARY-NAME {number}"} if mine else {"identifier": "+1303"}
        fake.put(
            bodies.participant(2 * number, of=number, proxy_identifier="+12025550999", **person, **of),
            bodies.participant(2 * number + 1, of=number, identifier=f"+4930555{number:04d}", **of),
        )
        for each in range(interactions):
            ends = [bodies.sid("KP", 2 * number), bodies.sid("KP", 2 * number + 1)]
            inbound, outbound = ends if each % 2 else reversed(ends)
            text = f"{'CANARY-TEXT' if mine else 'what others said'} {number} {each}"
            sid = number * 10_000 + each
            legs = {"inbound_participant_sid": inbound, "outbound_participant_sid": outbound}
            fake.put(bodies.interaction(sid, of=number, data=json.dumps({"body": text}), **legs, **of))
