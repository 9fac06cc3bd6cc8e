"""PostgreSQL's triggers keep what SQLite's keep, whoever writes: feed, data version, deletions, persons."""

import bodies
from archive_rows import execute, rows
from bodies import sid
from store.engine.protocols import Archive


async def test_rows_of_one_statement_get_increasing_numbers_in_its_order(archive: Archive) -> None:
    numbers = [7, 3, 900, 5, 1]
    await bodies.put(archive, *(bodies.interaction(number) for number in numbers))
    await bodies.put(archive, *(bodies.interaction(number, url="u") for number in reversed(numbers)))
    await execute(archive, "UPDATE interaction SET plain = NOT plain", "DELETE FROM session")
    feed = await rows(archive, "SELECT kind, sid FROM change WHERE type = 'INTERACTION' ORDER BY number")
    assert feed[:10] == [("CREATED", sid("KI", n)) for n in numbers] + [
        ("UPDATED", sid("KI", n)) for n in reversed(numbers)
    ]
    assert sorted(feed[10:]) == [("ERASED", sid("KI", n)) for n in sorted(numbers)]
    steps = await rows(archive, "SELECT number - lag(number, 1, 0) OVER (ORDER BY number) FROM change")
    assert all(0 < step <= 1_048_576 for (step,) in steps)
    assert len(set(steps)) == len(steps)


async def test_a_change_of_the_feed_says_what_happened(archive: Archive) -> None:
    await bodies.put(archive, bodies.participant(1, identifier="+1555"))
    await execute(
        archive,
        "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at) "
        f"VALUES ('{sid('KP', 1)}', '', '', '', '', '')",
        "UPDATE participant SET friendly_name = NULL, identifier = NULL",
        "UPDATE session SET archived_at = '2026-01-01T00:00:00.000Z'",
        "UPDATE service SET url = 'u'",
    )
    feed = await rows(archive, "SELECT type, kind, service_sid, session_sid FROM change ORDER BY number")
    assert feed[2:] == [
        ("PARTICIPANT", "CREATED", sid("KS", 1), sid("KC", 1)),
        ("PARTICIPANT", "ERASED", sid("KS", 1), sid("KC", 1)),
        ("SESSION", "ARCHIVED", sid("KS", 1), sid("KC", 1)),
        ("SERVICE", "UPDATED", sid("KS", 1), None),
    ]
    ((at,),) = await rows(archive, "SELECT at FROM change ORDER BY number LIMIT 1")
    assert len(at) == len("2026-01-01T00:00:00.000Z")


async def test_only_a_statement_that_changes_an_answer_changes_the_data_version(archive: Archive) -> None:
    await bodies.put(archive, bodies.participant(1, identifier="+1555"), bodies.interaction(1))
    versions = [await archive.data_version()]
    tables = ("interaction", "participant", "session", "service", "session_person")
    kinds = ("interaction_kind", "participant_kind", "session_kind")
    for table in tables:
        await execute(archive, f"UPDATE {table} SET date_updated = date_updated")
        versions.append(await archive.data_version())
    for table in kinds:
        await execute(archive, f"UPDATE {table} SET id = id")
        versions.append(await archive.data_version())
    assert len(set(versions)) == len(versions)
    for table in (*tables, *kinds):
        await execute(archive, f"UPDATE {table} SET service_sid = '' WHERE FALSE" if table in kinds else "SELECT 1")
        await execute(archive, f"DELETE FROM {table} WHERE FALSE")
    await execute(archive, "DELETE FROM access_key", "UPDATE service_sync SET sessions_pending = 1")
    assert await archive.data_version() == versions[-1]


async def test_what_was_deleted_stays_out_whoever_writes_it(archive: Archive) -> None:
    deletion = "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at) VALUES "
    await bodies.put(archive, bodies.participant(2, identifier="+1555"))
    for each in (sid("KI", 1), sid("KC", 2), sid("KP", 1), sid("KP", 2)):
        await execute(archive, f"{deletion} ('{each}', '', '', '', '', '')")
    dates = "date_created, date_updated"
    await execute(
        archive,
        f"INSERT INTO interaction (sid, session_sid, service_sid, account_sid, type, {dates}) "
        f"VALUES ('{sid('KI', 1)}', '{sid('KC', 1)}', '', '', '', '', '')",
        f"INSERT INTO session (sid, service_sid, account_sid, {dates}) "
        f"VALUES ('{sid('KC', 2)}', '{sid('KS', 1)}', '', '', '')",
        f"INSERT INTO participant (sid, session_sid, service_sid, account_sid, identifier, {dates}) "
        f"VALUES ('{sid('KP', 1)}', '{sid('KC', 1)}', '', '', '+1555', '', '')",
        "UPDATE participant SET identifier = '+1666'",
    )
    assert await rows(archive, "SELECT count(*) FROM interaction") == [(0,)]
    assert await rows(archive, "SELECT sid FROM session") == [(sid("KC", 1),)]
    assert await rows(archive, "SELECT sid, identifier FROM participant") == [(sid("KP", 2), "+1555")]
    await bodies.put(archive, bodies.participant(1, identifier="+1555", proxy_identifier="+1777"))
    assert await rows(archive, f"SELECT identifier, person FROM participant WHERE sid = '{sid('KP', 1)}'") == [
        (None, None)
    ]


async def test_a_person_has_one_number_and_their_rows_follow_whoever_writes(archive: Archive) -> None:
    await bodies.put(archive, bodies.interaction(1), bodies.session(2))
    await bodies.put(
        archive,
        bodies.participant(1, identifier="+1555"),
        bodies.participant(2, identifier="+1666"),
        bodies.participant(3, of=2, identifier="+1555"),
    )
    legs = "SELECT inbound_person, outbound_person FROM interaction"
    people = "SELECT sid, person FROM session_person ORDER BY sid, person"
    assert await rows(archive, "SELECT person FROM participant ORDER BY sid") == [(1,), (2,), (1,)]
    assert await rows(archive, legs) == [(1, 2)]
    assert await rows(archive, people) == [(sid("KC", 1), 1), (sid("KC", 1), 2), (sid("KC", 2), 1)]

    await execute(archive, f"UPDATE participant SET identifier = '+1777' WHERE sid = '{sid('KP', 1)}'")
    assert await rows(archive, legs) == [(3, 2)]
    assert await rows(archive, people) == [(sid("KC", 1), 2), (sid("KC", 1), 3), (sid("KC", 2), 1)]

    await execute(archive, "UPDATE session SET date_updated = '2027-01-01T00:00:00.000Z', kind = 7")
    assert await rows(archive, "SELECT DISTINCT date_updated, kind FROM session_person") == [
        ("2027-01-01T00:00:00.000Z", 7)
    ]

    columns = "sid, session_sid, service_sid, account_sid, identifier, date_created, date_updated"
    values = ", ".join(
        f"('{sid('KP', n)}', '{sid('KC', 2)}', '', '', '{identifier}', '', '')"
        for n, identifier in ((4, "+1888"), (5, "+1888"), (6, "+1555"))
    )
    await execute(archive, f"INSERT INTO participant ({columns}) VALUES {values}")
    assert await rows(archive, "SELECT person FROM participant WHERE sid >= 'KP' ORDER BY sid OFFSET 3") == [
        (4,),
        (4,),
        (1,),
    ]

    await execute(archive, f"DELETE FROM participant WHERE sid IN ('{sid('KP', 1)}', '{sid('KP', 3)}')")
    assert await rows(archive, legs) == [(None, 2)]
    assert await rows(archive, people) == [(sid("KC", 1), 2), (sid("KC", 2), 1), (sid("KC", 2), 4)]


async def test_a_session_is_deleted_with_all_that_it_has(archive: Archive) -> None:
    await bodies.put(archive, bodies.participant(1, identifier="+1555"), bodies.interaction(1))
    await execute(
        archive,
        f"INSERT INTO callback_row VALUES ('{sid('KI', 1)}', '{sid('KC', 1)}', '', TRUE)",
        f"INSERT INTO callback_session (session_sid, service_sid, due_at) VALUES ('{sid('KC', 1)}', '', '')",
        f"INSERT INTO session_read VALUES ('{sid('KC', 1)}', '')",
        "DELETE FROM session",
    )
    for table in ("interaction", "participant", "session_person", "callback_row", "callback_session", "session_read"):
        assert await rows(archive, f"SELECT count(*) FROM {table}") == [(0,)], table
