"""The Sessions and Services that the sync left out because they couldn't be read. Each run tries them again."""

from collections.abc import Iterable, Mapping

import msgspec

from store.columns import storable
from store.engine.protocols import Archive, Transaction
from store.engine.sql import Statement
from store.twilio_mapping import now

LEAVE_OUT = """
INSERT INTO left_out (sid, service_sid, since, error) VALUES (:sid, :service, :at, :error)
ON CONFLICT (sid) DO UPDATE SET error = excluded.error
""".strip()
FORGET = Statement(
    lambda dialect: f"DELETE FROM left_out WHERE service_sid = :service AND sid NOT IN ({dialect.values(':still')})"
)
FORGET_GONE = "DELETE FROM left_out WHERE service_sid NOT IN (SELECT sid FROM service)"
LIST = "SELECT sid, service_sid, since, error FROM left_out ORDER BY since, sid"
COUNT = "SELECT count(*) FROM left_out"


class LeftOut(msgspec.Struct, frozen=True):
    """A Session or Service that could not be read: since when, and the error as a sentence."""

    sid: str
    service_sid: str
    since: str
    error: str


async def note(transaction: Transaction, left_out: Mapping[str, tuple[str, str]], services: Iterable[str]) -> None:
    """Stores what a run left out: by SID, the SID of its Service and the error.

    The lists of ``services`` were read completely, so their other entries in this table are resolved and removed.
    """
    for sid, (service_sid, error) in left_out.items():
        bound = {"sid": sid, "service": service_sid, "at": now(), "error": storable(error)}
        await transaction.execute(LEAVE_OUT, bound)
    still = msgspec.json.encode(list(left_out)).decode()
    for service_sid in services:
        await transaction.execute(FORGET, {"service": service_sid, "still": still})
    await transaction.execute(FORGET_GONE)


async def listed(archive: Archive) -> list[LeftOut]:
    """Everything that is left out now, the oldest first."""
    return [LeftOut(*row) for row in await archive.fetch(LIST)]


async def count(archive: Archive) -> int:
    """How many resources are left out now."""
    ((number,),) = await archive.fetch(COUNT)
    return int(number)
