"""What the sync could not read though what is above it could be read: it is listed, and each run tries it again."""

from collections.abc import Iterable, Mapping

import msgspec

from store.archive import Archive
from store.ledger import now
from store.sqlite.writer import Transaction

LEAVE_OUT = """
INSERT INTO left_out (sid, service_sid, since, error) VALUES (?, ?, ?, ?)
ON CONFLICT (sid) DO UPDATE SET error = excluded.error
""".strip()
FORGET = """
DELETE FROM left_out WHERE service_sid = :service AND sid NOT IN (SELECT value FROM json_each(:still))
""".strip()
FORGET_GONE = "DELETE FROM left_out WHERE service_sid NOT IN (SELECT sid FROM service)"
LIST = "SELECT sid, service_sid, since, error FROM left_out ORDER BY since, sid"
COUNT = "SELECT count(*) FROM left_out"


class LeftOut(msgspec.Struct, frozen=True):
    """A Session, or a Service, that could not be read: since when, and the sentence why."""

    sid: str
    service_sid: str
    since: str
    error: str


async def note(transaction: Transaction, left_out: Mapping[str, tuple[str, str]], services: Iterable[str]) -> None:
    """Notes what a run left out, by SID: its Service's SID and the sentence.

    ``services`` were listed to the end, so whatever else of them was left out before has been read since.
    """
    for sid, (service_sid, error) in left_out.items():
        await transaction.execute(LEAVE_OUT, (sid, service_sid, now(), error))
    still = msgspec.json.encode(list(left_out)).decode()
    for service_sid in services:
        await transaction.execute(FORGET, {"service": service_sid, "still": still})
    await transaction.execute(FORGET_GONE)


async def listed(archive: Archive) -> list[LeftOut]:
    """All that is left out at the moment, the longest first."""
    return [LeftOut(*row) for row in await archive.fetch(LIST)]


async def count(archive: Archive) -> int:
    """How much is left out at the moment."""
    ((number,),) = await archive.fetch(COUNT)
    return int(number)
