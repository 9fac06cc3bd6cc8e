"""A ledger is replayed in an archive whose older state was put back: what was erased since is erased again."""

from pathlib import Path

import msgspec
import pytest

import bodies
from bodies import sid
from databases import New, rows, value
from store import keys
from store.archive import open_archive
from store.backups.replay_in_archive import Replayed, replay
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger, participants
from store.errors import RestoreRefused
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.sync import state

OLD = (bodies.service(1), bodies.session(1), *(bodies.interaction(number) for number in range(1, 4)))
PERSON = bodies.participant(3, identifier="+12025550121", friendly_name="Ada")
EPOCH = "SELECT epoch FROM change_feed"


@pytest.fixture
async def older(new_database: New) -> Database:
    """An archive as an operator has put it back: with the rows, and without what was decided later."""
    database = new_database()
    async with open_archive(database) as archive:
        await bodies.put(archive, *OLD, PERSON)
        await keys.create(archive, "desk", ("read",), None)
    return database


@pytest.fixture
async def later(new_database: New) -> Database:
    """The same archive later: an Interaction and a Participant were erased, a key revoked, an Interaction kept."""
    database = new_database()
    async with open_archive(database) as archive:
        await bodies.put(archive, *OLD, PERSON)
        await keys.create(archive, "desk", ("read",), None)
        await erase(archive, 2)
        await participants.request(archive, [sid("KP", 3)], "alice")
        await erasure.erase(archive, sid("KP", 3))
        await keys.revoke(archive, "desk")
        async with archive.writer.transaction() as transaction:
            await state.keep_interaction(transaction, sid("KI", 3))
    return database


async def erase(archive: Archive, number: int) -> None:
    (found,) = await archive.reader().read(Lookup(Interaction), [sid("KI", number)])
    assert found
    await erasure.request(archive, found, "alice")
    await erasure.erase(archive, sid("KI", number))


async def replayed(database: Database, source: Database) -> Replayed:
    async with open_archive(database) as archive:
        return await replay(archive, source)


async def test_decisions_are_taken_over_and_what_was_erased_is_erased_again(older: Database, later: Database) -> None:
    epoch = value(older, EPOCH)
    done = await replayed(older, later)
    assert (done.entries, done.erased_again) == (2, ([sid("KI", 2)], [], [sid("KP", 3)]))
    assert rows(older, "SELECT sid, kept_at IS NOT NULL FROM interaction ORDER BY sid") == [
        (sid("KI", 1), False),
        (sid("KI", 3), True),
    ]
    assert rows(older, "SELECT identifier, friendly_name FROM participant") == [(None, None)]
    assert value(older, "SELECT revoked_at IS NOT NULL FROM access_key") == 1
    assert value(older, "SELECT count(*) FROM deletion WHERE requested_by = 'alice' AND erased_at IS NOT NULL") == 2
    assert value(older, EPOCH) != epoch, "cursors of the change feed expire"
    async with open_archive(older) as archive:
        assert (await archive.reader().read(Lookup(Interaction), [sid("KI", 2)])) == [None]
        await bodies.put(archive, *OLD, PERSON)
    assert value(older, "SELECT count(*) FROM interaction") == 2, "a sync doesn't bring it back"


async def test_a_second_replay_changes_nothing(older: Database, later: Database) -> None:
    await replayed(older, later)
    entries = "SELECT sid, erased_at, requested_by FROM deletion ORDER BY sid"
    before = rows(older, entries)
    assert (await replayed(older, later)).erased_again == ([], [], [])
    assert rows(older, entries) == before


async def test_a_printed_ledger_is_replayed_too(older: Database, later: Database, tmp_path: Path) -> None:
    printed = tmp_path / "ledger.json"
    async with open_archive(later) as archive:
        printed.write_bytes(msgspec.json.encode(await ledger.entries(archive)))
    done = await replayed(older, printed)
    assert (done.entries, done.erased_again.interactions) == (2, [sid("KI", 2)])
    assert value(older, "SELECT count(*) FROM interaction") == 2


async def test_an_entry_without_an_erasure_stays_a_request(older: Database, later: Database) -> None:
    async with open_archive(later) as archive:
        (found,) = await archive.reader().read(Lookup(Interaction), [sid("KI", 1)])
        assert found
        await erasure.request(archive, found, "bob", at_twilio=True)
    done = await replayed(older, later)
    assert sid("KI", 1) not in done.erased_again.interactions
    assert value(older, "SELECT at_twilio FROM deletion WHERE requested_by = 'bob'") == ledger.REQUEST_IN_PROGRESS


async def test_the_ledger_of_another_account_is_refused(older: Database, later: Database, tmp_path: Path) -> None:
    async with open_archive(later) as archive:
        found = await ledger.entries(archive)
    other = tmp_path / "other.json"
    others = [msgspec.structs.replace(entry, account_sid="AC" + "9" * 32) for entry in found]
    other.write_bytes(msgspec.json.encode(others))
    with pytest.raises(RestoreRefused, match=r"Expected a ledger of the account AC0+, but got"):
        await replayed(older, other)
    assert value(older, "SELECT count(*) FROM deletion") == 0


@pytest.mark.parametrize("has_rows", [True, False])
async def test_the_archive_of_another_account_is_refused_even_if_nothing_was_deleted_in_it(
    older: Database, new_database: New, has_rows: bool
) -> None:
    other, account = new_database(), "AC" + "9" * 32
    async with open_archive(other) as archive:
        if has_rows:
            await bodies.put(archive, bodies.service(1, account_sid=account))
        else:
            await state.bind_account(archive, account)
        await keys.create(archive, "other", ("read",), None)
    with pytest.raises(RestoreRefused, match=r"Expected a ledger of the account AC0+, but got .* is of AC9+\."):
        await replayed(older, other)
    assert rows(older, "SELECT name FROM access_key") == [("desk",)]


async def test_the_ledger_of_a_file_is_replayed_in_either_engine(older: Database, tmp_path: Path) -> None:
    file = tmp_path / "later.db"
    async with open_archive(file) as archive:
        await bodies.put(archive, *OLD)
        await erase(archive, 2)
    assert (await replayed(older, file)).erased_again.interactions == [sid("KI", 2)]
