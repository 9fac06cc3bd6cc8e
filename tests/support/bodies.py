"""REST bodies for tests: small and valid; each ``number`` gives a different one, and ``of`` is its parent's number."""

from typing import Any

from store import twilio_mapping
from store.columns import Record
from store.engine.protocols import Archive
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session

Body = dict[str, Any]
ACCOUNT = "AC" + "0" * 32


def sid(prefix: str, number: int) -> str:
    return f"{prefix}{number:032x}"


def time(number: int) -> str:
    """The time ``number`` minutes after the start of 2026, as Twilio writes it."""
    days, minutes = divmod(number, 1440)
    return f"2026-{days // 28 + 1:02d}-{days % 28 + 1:02d}T{minutes // 60:02d}:{minutes % 60:02d}:00Z"


def service(number: int = 1, **changes: Any) -> Body:
    return {
        "sid": sid("KS", number),
        "account_sid": ACCOUNT,
        "unique_name": f"service-{number}",
        "date_created": time(number),
        "date_updated": time(number),
    } | changes


def session(number: int = 1, of: int = 1, **changes: Any) -> Body:
    return {
        "sid": sid("KC", number),
        "service_sid": sid("KS", of),
        "account_sid": ACCOUNT,
        "unique_name": f"session-{number}",
        "status": "open",
        "date_created": time(number),
        "date_updated": time(number),
    } | changes


def participant(number: int = 1, of: int = 1, **changes: Any) -> Body:
    return {
        "sid": sid("KP", number),
        "session_sid": sid("KC", of),
        "service_sid": sid("KS", 1),
        "account_sid": ACCOUNT,
        "friendly_name": f"participant-{number}",
        "date_created": time(number),
        "date_updated": time(number),
    } | changes


def interaction(number: int = 1, of: int = 1, **changes: Any) -> Body:
    return {
        "sid": sid("KI", number),
        "session_sid": sid("KC", of),
        "service_sid": sid("KS", 1),
        "account_sid": ACCOUNT,
        "type": "message",
        "data": f'{{"body": "text {number}"}}',
        "inbound_participant_sid": sid("KP", 1),
        "inbound_resource_sid": sid("SM", number),
        "inbound_resource_status": "received",
        "inbound_resource_type": "Message",
        "outbound_participant_sid": sid("KP", 2),
        "outbound_resource_sid": sid("MM", number),
        "outbound_resource_status": "delivered",
        "outbound_resource_type": "Message",
        "date_created": time(number),
        "date_updated": time(number),
    } | changes


RECORD_TYPES: dict[str, type[Record]] = {
    record_type.prefix: record_type for record_type in (Service, Session, Participant, Interaction)
}


def record(body: Body) -> Record:
    return twilio_mapping.record(RECORD_TYPES[body["sid"][:2]], body)


async def put(archive: Archive, *bodies: Body) -> None:
    """Writes the bodies by the mapping and the writer, as production code does."""
    async with archive.writer.transaction() as transaction:
        await transaction.put(record(body) for body in bodies)
