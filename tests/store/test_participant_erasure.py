"""An erased participant keeps its SID but nothing of the person, in the files and after any later write."""

from typing import Any

import msgspec

import bodies
from databases import change, held
from fake_twilio import FakeTwilio
from mirror import Mirror, account, mirroring
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger, participants
from store.participants import Participant
from store.queries.lookups import Lookup

NUMBER, PROXY, NAME, EXTRA = "+12025550121", "+12025550999", "Ada CANARY", "EXTRA CANARY"
PERSON: dict[str, Any] = {
    "identifier": NUMBER,
    "proxy_identifier": PROXY,
    "proxy_identifier_sid": bodies.sid("PN", 7),
    "friendly_name": NAME,
    "later_property": EXTRA,
}
KP = bodies.sid("KP", 2)


def traces(database: Database) -> list[str]:
    """The person's values that are in the database file or beside it."""
    content = held(database)
    return [text for text in PERSON.values() if text.encode() in content]


async def erase(archive: Archive, *sids: str) -> bool:
    await participants.request(archive, sids, "a test")
    return await erasure.erase(archive, *sids)


async def stored(archive: Archive, sid: str = KP) -> Participant | None:
    (found,) = await archive.reader().read(Lookup(Participant), [sid])
    return found


async def test_the_sid_and_its_session_stay_and_no_byte_of_the_person_does(
    archive: Archive, database: Database
) -> None:
    many = [bodies.participant(number, identifier=f"+1{number:010d}") for number in range(10, 400)]
    await bodies.put(archive, *many, bodies.participant(2, **PERSON))
    assert traces(database) == list(PERSON.values())
    assert await erase(archive, KP) is archive.writer.cleans_at_once
    assert traces(database) == []
    left = await stored(archive)
    assert left
    assert (left.sid, left.session_sid, left.date_created) == (KP, bodies.sid("KC", 1), "2026-01-01T00:02:00.000Z")
    assert [getattr(left, name) for name in Participant.personal] == [None] * 5
    (entry,) = await ledger.entries(archive)
    state = "closed" if archive.writer.cleans_at_once else "erased"
    assert (entry.sid, entry.session_sid, entry.state) == (KP, bodies.sid("KC", 1), state)


async def test_a_proxy_number_that_belongs_to_others_too_stays_with_them(archive: Archive) -> None:
    await bodies.put(archive, bodies.participant(2, **PERSON), bodies.participant(3, proxy_identifier=PROXY))
    await erase(archive, KP)
    other = await stored(archive, bodies.sid("KP", 3))
    assert other
    assert other.proxy_identifier == PROXY


async def test_no_write_brings_the_person_back(archive: Archive, database: Database) -> None:
    await bodies.put(archive, bodies.participant(2, **PERSON))
    await erase(archive, KP)
    await bodies.put(archive, bodies.participant(2, **PERSON, date_deleted=bodies.time(9)))
    left = await stored(archive)
    assert left
    assert (left.identifier, left.date_deleted) == (None, "2026-01-01T00:09:00.000Z"), "Twilio's removal still shows"
    columns = "identifier, sid, session_sid, service_sid, account_sid, date_created, date_updated"
    values = "VALUES (:number, :sid, 'KC', 'KS', 'AC', '', '')"
    anew = f"INSERT INTO participant ({columns}) {values} ON CONFLICT (sid) DO UPDATE SET identifier = :number"
    replacing = anew.partition(" ON CONFLICT")[0].replace("INSERT", "INSERT OR REPLACE")
    async with archive.writer.transaction() as transaction:
        for sql in ("UPDATE participant SET identifier = :number WHERE sid = :sid", anew, replacing):
            if sql != replacing or archive.dialect.name == "sqlite":
                await transaction.execute(sql, {"number": NUMBER, "sid": KP})
    assert traces(database) == []


async def test_one_that_is_written_anew_after_its_erasure_has_its_place_and_nothing_else(
    archive: Archive, database: Database
) -> None:
    """As after a restore: the ledger entry exists before the row."""
    await bodies.put(archive, bodies.participant(2, **PERSON))
    await erase(archive, KP)
    async with archive.writer.transaction() as transaction:
        await transaction.execute("DELETE FROM participant")
        written = await transaction.put([bodies.record(bodies.participant(2, **PERSON))])
        again = await transaction.put([bodies.record(bodies.participant(2, **PERSON))])
    assert (written.new, again.unchanged) == (1, 1)
    assert traces(database) == []
    assert (await stored(archive)) is not None


async def test_a_row_with_a_nul_stays_without_the_person_too(archive: Archive, database: Database) -> None:
    await bodies.put(archive, bodies.participant(2, **PERSON))
    await erase(archive, KP)
    with_nul = msgspec.structs.replace(bodies.record(bodies.participant(2, **PERSON)), friendly_name=f"{NAME}\0")
    async with archive.writer.transaction() as transaction:
        await transaction.put([with_nul])
    assert traces(database) == []


async def test_what_a_crash_left_between_the_request_and_the_erasure_is_finished(database: Database) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.participant(2, **PERSON))
        await participants.request(archive, [KP], "a test")
    async with open_archive(database) as archive:
        assert await erasure.recover(archive) == 1
        assert traces(database) == []


async def test_a_sync_never_brings_an_erased_participant_back(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2, interactions=0)
    fake.put(fake.get(KP) | PERSON)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        assert traces(database) == list(PERSON.values())
        await erase(mirror.archive, KP)
        fake.set_date_deleted(KP)
        progress = await mirror.sync(full=True)
        assert (progress.changed, progress.new) == (1, 0)
        await mirror.sync(full=True)
        assert traces(database) == []
        assert KP in await mirror.stored("KP")
        await without_a_body(mirror)
        await mirror.sync(full=True)
        assert KP in await mirror.stored("KP"), "the conversations of others keep their shape"
    assert traces(database) == []


async def without_a_body(mirror: Mirror) -> None:
    change(mirror.archive.database, "DELETE FROM participant WHERE sid = $1", KP)


async def test_a_sync_leaves_alone_what_another_process_is_deleting(database: Database) -> None:
    """Its rows are gone at Twilio and not yet here: more than a run erases unasked, but asked for."""
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=120)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        doomed = fake.sids("KI")[:60]
        await erasure.request_all(mirror.archive, doomed, "a test", at_twilio=True)
        for sid in doomed:
            fake.remove(sid)
        asked = fake.total_requests
        progress = await mirror.sync(full=True)
        assert (progress.erased, len(await mirror.stored("KI"))) == (0, 120)
        assert fake.total_requests - asked < 20, "it does not ask for each of them either"


async def test_what_is_requested_while_a_run_confirms_it_counts_for_no_limit(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=60)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        doomed = fake.sids("KI")[:30]
        for sid in doomed:
            fake.remove(sid)
        fetch = mirror.twilio.fetch

        async def requested_meanwhile(*path: str) -> dict[str, object]:
            await erasure.request_all(mirror.archive, doomed, "a test", at_twilio=True)
            return await fetch(*path)

        vars(mirror.twilio)["fetch"] = requested_meanwhile
        progress = await mirror.sync(full=True)
        assert progress.erased == 0
        assert await mirror.ledger() == dict.fromkeys(doomed, "a test")
