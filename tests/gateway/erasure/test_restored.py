"""A backup of before an erasure, restored after it, brings nothing of the person back; the receipt is still there.

These tests are of SQLite's file, so they run on no other engine.
"""

from pathlib import Path

import msgspec
import pytest

from erasure_runs import REFERENCE, run, traces
from fake_twilio import FakeTwilio
from gateway.erasure.receipt import receipt_of
from mirror import mirroring
from person import CANARIES, NUMBER, put_person
from store.archive import open_archive
from store.backups.backup import back_up
from store.backups.restore import restore

pytestmark = pytest.mark.of_a_file


async def test_a_backup_of_before_an_erasure_brings_nothing_of_the_person_back(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backups" / "before.db"
    backup.parent.mkdir()
    fake = FakeTwilio()
    put_person(fake)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await back_up(mirror.archive, backup)
        receipt = await run(mirror, identifier=NUMBER, remove_participants=True)
        assert [Path(each.path) for each in receipt.backups] == [backup]
    assert traces(database) == []
    assert traces(backup) == list(CANARIES)

    restored = restore(backup, database, sure=True)
    assert len(restored.erased_again.interactions) == 20
    assert len(restored.erased_again.participants) == 4
    assert traces(database) == []
    async with mirroring(database, fake) as mirror:
        again = await receipt_of(mirror.archive, REFERENCE)
        assert again
        assert msgspec.structs.replace(again, printed_at=receipt.printed_at) == receipt
        await mirror.sync(full=True)
    async with open_archive(database) as archive:
        assert list(
            await archive.fetch("SELECT count(*) FROM participant WHERE identifier = :number", {"number": NUMBER})
        ) == [(0,)]
    assert traces(database) == []
