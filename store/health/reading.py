"""Reads an archive's health, even from a read-only database or while a server runs."""

from pathlib import Path

import msgspec

from store.archive import read_archive
from store.backups.notes import Backup, noted
from store.demo import demo_mark
from store.engine.database import Database
from store.engine.protocols import Readable
from store.erasure.copies import copies_of
from store.erasure.twilio_records import open_count
from store.health.files import described_file
from store.health.health import Health, Pending, RowTotals, ServiceHealth
from store.health.servers import described_server
from store.keys import keys
from store.sync.runs import latest_plausible
from store.sync.state import OWNER
from store.sync.status import STATUS, StatusQuery

SERVICES = """
SELECT service.sid, service.unique_name, CASE WHEN completed_at <= :latest THEN completed_at END,
  coalesce(service_sync.sessions_pending, 0),
  (SELECT count(*) FROM left_out WHERE left_out.service_sid = service.sid),
  (SELECT error FROM left_out WHERE left_out.service_sid = service.sid ORDER BY since DESC, sid LIMIT 1)
FROM service LEFT JOIN service_sync ON service_sync.service_sid = service.sid ORDER BY service.date_created, service.sid
""".strip()
ROWS = """
SELECT (SELECT count(*) FROM service), (SELECT count(*) FROM session), (SELECT count(*) FROM participant),
  (SELECT count(*) FROM interaction), (SELECT count(*) FROM deletion)
""".strip()
PENDING = """
SELECT count(*) FILTER (WHERE erased_at IS NULL), min(intended_at) FILTER (WHERE erased_at IS NULL),
  count(*) FILTER (WHERE erased_at IS NOT NULL), min(erased_at), max(waits_for)
FROM deletion WHERE closed_at IS NULL
""".strip()


async def read_health(database: Database) -> Health:
    """Reads the health of the archive in ``database``, and changes nothing.

    Raises a DatabaseError if it is missing or can't be used.
    """
    health = described_file(database) if isinstance(database, Path) else await described_server(database)
    if health.versions.database < health.versions.database_of_code:
        return health
    async with read_archive(database) as archive:
        return await _read(archive, health)


async def _read(archive: Readable, health: Health) -> Health:
    latest = {"latest": latest_plausible()}
    ((account,),) = await archive.fetch(OWNER)
    ((payload,),) = await archive.fetch(STATUS, latest)
    ((*rows,),) = await archive.fetch(ROWS)
    ((*pending,),) = await archive.fetch(PENDING)
    backups = await noted(archive)
    return msgspec.structs.replace(
        health,
        account_sid=account,
        demo=await demo_mark(archive),
        sync=StatusQuery().answer(payload, [None])[0],
        services=[ServiceHealth(*row) for row in await archive.fetch(SERVICES, latest)],
        rows=RowTotals(*rows),
        pending=Pending(*[*pending, await open_count(archive)]),
        keys=await keys(archive),
        backups=backups,
        backups_gone=_gone(backups),
        copies=await copies_of(archive),
    )


def _gone(backups: list[Backup]) -> list[str]:
    return [backup.path for backup in backups if backup.finished_at and not Path(backup.path).exists()]
