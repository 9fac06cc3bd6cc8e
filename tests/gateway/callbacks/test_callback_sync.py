"""What callbacks brought is completed from the API, and a sync agrees with it row by row."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import stamina

import bodies
from fake_callbacks import conversation, form_of
from fake_twilio import FakeTwilio
from gateway.background import RoundFailed
from gateway.callbacks.completion import Completion
from gateway.callbacks.forms import interaction_of
from gateway.sync.write_buffer import WriteBuffer
from mirror import Mirror, account, mirroring
from store.callbacks import queue
from store.callbacks.inbox import CallbackOutcome, take
from store.engine.database import Database
from store.interactions import Interaction
from store.sessions import Session
from store.sync.runs import RunCounts, start_run
from store.twilio_mapping import now

NEW, CHANGED, UNCHANGED = CallbackOutcome.NEW, CallbackOutcome.CHANGED, CallbackOutcome.UNCHANGED
SESSION = ("Services", bodies.sid("KS", 1), "Sessions", bodies.sid("KC", 1))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sessions are due at once, and retries don't wait."""
    monkeypatch.setattr(queue, "GATHER", timedelta())
    with stamina.set_testing(True, attempts=2):
        yield


def told(*given: dict[str, Any]) -> Sequence[Interaction]:
    """Interactions as callbacks describe them."""
    found = [interaction_of({name: [value] for name, value in form_of(body).items()}) for body in given]
    return [one for one in found if one]


def message(number: int, of: int = 1, **changes: Any) -> dict[str, Any]:
    return conversation(bodies.interaction(number, of=of), **changes)


async def next_millisecond() -> None:
    """Waits until the archive's clock, which counts milliseconds, has moved."""
    begun = now()
    while now() == begun:
        await asyncio.sleep(0)


async def queued(mirror: Mirror) -> list[Any]:
    return list(await mirror.archive.fetch("SELECT session_sid, failures FROM callback_session"))


async def marks(mirror: Mirror) -> set[str]:
    return {row[0] for row in await mirror.archive.fetch("SELECT sid FROM callback_row WHERE is_only")}


async def test_what_a_callback_cant_say_is_read_once_for_all_of_a_sessions_callbacks(database: Database) -> None:
    fake = FakeTwilio()
    messages = [message(number) for number in range(10)]
    fake.put(bodies.service(), bodies.session(), bodies.participant(1), bodies.participant(2), *messages)
    async with mirroring(database, fake) as mirror:
        assert await take(mirror.archive, told(*messages)) == [NEW] * 10
        await Completion(mirror.archive, mirror.twilio)()
        await mirror.assert_equal()
        assert fake.requests == {
            "GET /Services/{}": 1,
            "GET /Services/{}/Sessions/{}": 1,
            "GET /Services/{}/Sessions/{}/Participants": 1,
            "GET /Services/{}/Sessions/{}/Interactions": 1,
        }
        assert not await queued(mirror)
        assert not await marks(mirror)


async def test_one_message_is_fetched_by_its_own_address(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=150)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        before = fake.requests.copy()
        new = message(1)
        fake.put(new)
        await take(mirror.archive, told(new))
        await Completion(mirror.archive, mirror.twilio)()
        assert not (fake.requests - before)["GET /Services/{}/Sessions/{}/Interactions"]
        await mirror.assert_equal()


async def test_a_row_that_only_a_callback_brought_is_never_taken_for_vanished(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1)
    of_unknown = message(3, of=77) | {"service_sid": bodies.sid("KS", 9)}
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await take(mirror.archive, told(message(1), message(2, of=50), of_unknown))
        for full in (False, True):
            await mirror.sync(full=full)
        expected = {bodies.sid("KI", number) for number in (1, 2, 3)}
        assert expected <= set(await mirror.stored("KI"))
        assert {bodies.sid("KC", 50), bodies.sid("KC", 77)} <= set(await mirror.stored("KC"))
        assert bodies.sid("KS", 9) in await mirror.stored("KS")
        assert not await mirror.ledger()


async def test_once_twilio_has_shown_it_its_deletion_there_counts(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await take(mirror.archive, told(message(1)))
        fake.put(message(1))
        await mirror.sync()
        assert not await marks(mirror)
        fake.remove(message(1)["sid"])
        await mirror.sync(full=True)
        await mirror.assert_equal()
        assert await mirror.ledger() == {message(1)["sid"]: "sync"}


async def test_a_list_that_was_read_before_a_callback_doesnt_replace_its_row(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=0)
    older = message(1, outbound_resource_status="sent")
    newer = message(1, minutes=2, outbound_resource_status="delivered")
    fake.put(older)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        (read,) = told(older)
        run = await start_run(mirror.archive, "incremental")
        buffer = WriteBuffer(mirror.archive, mirror.twilio, run, RunCounts())
        await next_millisecond()
        assert await take(mirror.archive, told(newer)) == [CHANGED]
        await buffer.add([msgspec.structs.replace(read, url="https://example.com")], read=read.session_sid)
        await buffer.flush()
        assert await mirror.column("KI", "outbound_resource_status") == {read.sid: "delivered"}
        assert await mirror.column("KI", "date_updated") == {read.sid: "2026-01-01T00:03:00.000Z"}
        assert not list(await mirror.archive.fetch("SELECT session_sid FROM session_read"))
        fake.put(newer)
        await mirror.sync()
        await mirror.assert_equal()


async def test_a_sync_that_begins_after_a_callback_counts_whatever_that_said(database: Database) -> None:
    """A row with a wrong date must not stay for good."""
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=0)
    fake.put(message(1))
    async with mirroring(database, fake) as mirror:
        await take(mirror.archive, told(message(1, date_updated="2099-01-01T00:00:00Z")))
        await next_millisecond()
        await mirror.sync()
        await mirror.assert_equal()


async def test_soon_after_a_callback_an_older_answer_of_the_api_doesnt_put_a_status_back(database: Database) -> None:
    fake = FakeTwilio()
    older = message(1, outbound_resource_status="sent")
    fake.put(bodies.service(), bodies.session(), older)
    async with mirroring(database, fake) as mirror:
        await take(mirror.archive, told(message(1, minutes=2, outbound_resource_status="delivered")))
        await Completion(mirror.archive, mirror.twilio)()
        assert await mirror.column("KI", "outbound_resource_status") == {older["sid"]: "delivered"}
        assert await mirror.column("KI", "url") == {older["sid"]: fake.get(older["sid"])["url"]}


async def test_a_lost_callback_is_found_by_the_next_sync_even_in_an_old_session(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.put(message(1), message(2))
        await take(mirror.archive, told(message(2)))
        await Completion(mirror.archive, mirror.twilio)()
        await mirror.sync(recheck_hours=0)
        await mirror.assert_equal()


async def test_a_session_that_twilio_doesnt_show_yet_is_tried_again_and_nothing_is_erased(database: Database) -> None:
    fake = FakeTwilio()
    fake.put(bodies.service())
    async with mirroring(database, fake) as mirror:
        completion = Completion(mirror.archive, mirror.twilio)
        await take(mirror.archive, told(message(1)))
        await completion()
        assert await queued(mirror) == [(bodies.sid("KC", 1), 1)]
        assert await mirror.stored("KI") == [bodies.sid("KI", 1)]
        fake.put(bodies.session(), message(1))
        await completion()
        await mirror.assert_equal()


async def test_while_twilio_is_away_sessions_stay_queued_and_the_task_shows_it(database: Database) -> None:
    fake = FakeTwilio()
    fake.put(bodies.service(), bodies.session(), message(1))
    async with mirroring(database, fake, PROXYGRAPH_SYNC_ATTEMPTS=1) as mirror:
        await take(mirror.archive, told(message(1)))
        fake.fail_next("GET", 503, "<html>", times=1)
        with pytest.raises(RoundFailed, match="A session that callbacks reported on could not be read yet"):
            await Completion(mirror.archive, mirror.twilio)()
        assert await queued(mirror) == [(bodies.sid("KC", 1), 1)]


async def test_a_callback_that_comes_during_a_read_is_read_again(database: Database) -> None:
    fake = FakeTwilio()
    fake.put(bodies.service(), bodies.session(), message(1))
    async with mirroring(database, fake) as mirror:
        await take(mirror.archive, told(message(1)))
        (leased,) = await queue.lease(mirror.archive, 10)
        assert not await queue.lease(mirror.archive, 10), "nobody else reads it meanwhile"
        await take(mirror.archive, told(message(2)))
        async with mirror.archive.writer.transaction() as transaction:
            await queue.finish(transaction, leased)
        (again,) = await queue.lease(mirror.archive, 10)
        assert again.reports == 2


async def test_dates_of_a_session_that_was_just_read_are_not_put_back_by_an_older_list(database: Database) -> None:
    fake = FakeTwilio()
    newer = bodies.session(1, date_updated="2026-06-01T00:00:00Z", status="closed")
    fake.put(bodies.service(), newer, message(1))
    async with mirroring(database, fake) as mirror:
        run = await start_run(mirror.archive, "incremental")
        buffer = WriteBuffer(mirror.archive, mirror.twilio, run, RunCounts())
        await next_millisecond()
        await take(mirror.archive, told(message(1)))
        await Completion(mirror.archive, mirror.twilio)()
        older = bodies.record(bodies.session(1))
        assert isinstance(older, Session)
        await buffer.add([older], read=older.sid)
        await buffer.flush()
        assert await mirror.column("KC", "status") == {older.sid: "closed"}


async def test_a_change_of_a_status_needs_no_read_once_the_api_has_shown_the_message(database: Database) -> None:
    fake = FakeTwilio()
    sent = message(1, outbound_resource_status="sent")
    delivered = message(1, minutes=2, outbound_resource_status="delivered")
    fake.put(bodies.service(), bodies.session(), bodies.participant(1), bodies.participant(2), sent)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.put(delivered)
        assert await take(mirror.archive, told(delivered)) == [CHANGED]
        assert not await queued(mirror)
        await mirror.assert_equal()
