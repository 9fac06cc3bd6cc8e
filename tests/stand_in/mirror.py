"""A stand-in for Twilio on loopback, a client of it, and an archive that is synced from it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import bodies
from fake_account import RESOURCE_TYPES
from fake_twilio import AUTH_TOKEN, FakeTwilio
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.sync.run import sync
from gateway.twilio.client import Twilio, connected
from gateway.twilio.upstream import TwilioUpstream
from resolvers.upstream import erase_everywhere
from store import twilio_mapping
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.sync.runs import RunCounts

OLD = "2026-01-01T00:00:00Z"
"""Long ago, so that no session counts as recent."""


def settings_for(fake: FakeTwilio, **changes: Any) -> TwilioSettings:
    values: dict[str, Any] = {"account_sid": fake.account_sid, "auth_token": AUTH_TOKEN}
    values |= {"proxy_url": fake.base_url, "api_url": fake.api_url, "PROXYGRAPH_SYNC_RATE": 0}
    return TwilioSettings.model_validate(values | changes)


class Mirror:
    """The fake Twilio, the client and the archive of one test."""

    def __init__(self, fake: FakeTwilio, twilio: Twilio, archive: Archive) -> None:
        self.fake, self.twilio, self.archive = fake, twilio, archive

    def settings(self, **flags: Any) -> SyncSettings:
        return SyncSettings.of({"database": self.archive.database, **flags})

    async def sync(self, **flags: Any) -> RunCounts:
        progress = RunCounts()
        await sync(self.archive, self.twilio, self.settings(**flags), progress)
        return progress

    async def erase(self, *sids: str) -> None:
        """Erases Interactions as deleteInteraction does: at Twilio and here."""
        for found in await self.archive.reader().read(Lookup(Interaction), list(sids)):
            assert found
            await erase_everywhere(self.archive, TwilioUpstream(self.twilio), found, "a test")

    async def stored(self, prefix: str) -> list[str]:
        table = bodies.RECORD_TYPES[prefix].table
        return sorted(row[0] for row in await self.archive.fetch(f"SELECT sid FROM {table}"))

    async def column(self, prefix: str, name: str) -> dict[str, Any]:
        table = bodies.RECORD_TYPES[prefix].table
        return {row[0]: row[1] for row in await self.archive.fetch(f"SELECT sid, {name} FROM {table}")}

    async def ledger(self) -> dict[str, str]:
        return {row[0]: row[1] for row in await self.archive.fetch("SELECT sid, requested_by FROM deletion")}

    async def assert_equal(self) -> None:
        await assert_equal(self.archive, self.fake)


async def assert_equal(archive: Archive, fake: FakeTwilio) -> None:
    """Asserts that the archive has the same rows as the fake Twilio."""
    for prefix in RESOURCE_TYPES:
        kind = bodies.RECORD_TYPES[prefix]
        columns = ", ".join(kind.__struct_fields__)
        found = {row[0]: tuple(row) for row in await archive.fetch(f"SELECT {columns} FROM {kind.table}")}
        expected = {}
        for sid in fake.sids(prefix):
            kept = twilio_mapping.record(kind, fake.get(sid))
            expected[sid] = tuple(getattr(kept, name) for name in kind.__struct_fields__)
        assert found == expected


def account(fake: FakeTwilio, services: int = 2, sessions: int = 3, interactions: int = 2) -> None:
    """Fills the fake Twilio with Sessions that aren't recent."""
    number = 0
    for service in range(1, services + 1):
        fake.put(bodies.service(service, account_sid=fake.account_sid))
        for _ in range(sessions):
            number += 1
            of = {"service_sid": bodies.sid("KS", service), "account_sid": fake.account_sid}
            fake.put(
                bodies.session(number, of=service, account_sid=fake.account_sid, date_created=OLD, date_updated=OLD)
            )
            fake.put(
                bodies.participant(2 * number, of=number, **of), bodies.participant(2 * number + 1, of=number, **of)
            )
            for each in range(interactions):
                data = json.dumps({"body": f"what was said in {number}, {each}"})
                fake.put(bodies.interaction(number * 1000 + each, of=number, data=data, **of))


@asynccontextmanager
async def mirroring(database: Database, fake: FakeTwilio, **changes: Any) -> AsyncIterator[Mirror]:
    """Serves the fake Twilio, connects a client and opens the archive, until the end of the block."""
    async with fake.serving(), connected(settings_for(fake, **changes)) as twilio, open_archive(database) as archive:
        yield Mirror(fake, twilio, archive)
