"""A period of dateCreated finds its rows in the order of dateUpdated: old ones and new, and those on a boundary.

These tests are of SQLite's file, so they run on no other engine.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

import bodies
from store.archive import open_archive
from store.engine.protocols import Archive
from store.interactions import ALL, BY_DATE_UPDATED, Interaction, InteractionFilter
from store.lists.facets import LAGS, SLACK
from store.lists.filters import Period
from store.queries.pages import Page
from store.sqlite import migrations
from store.twilio_mapping import instant

pytestmark = pytest.mark.of_a_file

MOMENT = timedelta(milliseconds=1)
BEFORE_ITS_TIME = -timedelta(days=2)


def near_the_boundaries() -> Iterator[bodies.Body]:
    """Interactions that were last changed exactly at a boundary of the lags, and just before and after it."""
    number = 0
    for day in range(1, 28):
        created = datetime(2024 + day % 3, 1 + day % 12, day, day % 24, day * 2, 7 * day % 60, 37_000 * day)
        for lag in (BEFORE_ITS_TIME, *LAGS):
            for off in (-MOMENT, timedelta(), MOMENT):
                number += 1
                updated = created + lag + off
                dates = f"{created.isoformat()}Z", f"{updated.isoformat()}Z"
                yield bodies.interaction(number, date_created=dates[0], date_updated=dates[1])


async def test_a_period_of_one_date_finds_every_row_in_the_order_of_the_other(archive: Archive) -> None:
    """However SQLite's date arithmetic rounds at a boundary."""
    await bodies.put(archive, bodies.service(1), bodies.session(1), *near_the_boundaries())
    rows: list[Interaction]
    (rows,) = await archive.reader().read(Page(ALL), [None])
    for row in rows:
        after = datetime.fromisoformat(row.date_created) + MOMENT
        chosen = InteractionFilter(date_created=Period(row.date_created, instant(after.isoformat())))
        (page,) = await archive.reader().read(Page(ALL, order=BY_DATE_UPDATED, filter=chosen), [None])
        assert row in page


@pytest.mark.of_a_file
async def test_the_slack_exceeds_sqlites_rounding_errors(archive: Archive) -> None:
    pick, worst = Random(7), timedelta()
    first, span = datetime(1, 1, 1), datetime(9999, 12, 31) - datetime(1, 1, 1)
    for _ in range(3_000):
        dates = [first + pick.random() * span for _ in range(2)]
        moments = [instant(date.isoformat()) for date in dates]
        ((days,),) = await archive.fetch("SELECT julianday(?) - julianday(?)", moments)
        exact = datetime.fromisoformat(moments[0]) - datetime.fromisoformat(moments[1])
        worst = max(worst, abs(timedelta(days=days) - exact))
    assert timedelta() < worst < SLACK


async def test_old_rows_get_the_lag_in_a_migration_that_new_ones_get_when_they_are_written(tmp_path: Path) -> None:
    """Otherwise a period would miss old rows. A change of LAGS needs a migration that updates all rows."""
    new, old, folder = tmp_path / "new.db", tmp_path / "old.db", tmp_path / "migrations"
    async with open_archive(new) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), *near_the_boundaries())
    folder.mkdir()
    for file in (migrations.FOLDER / "0001_archive.sql", migrations.FOLDER / "0002_sync.sql"):
        (folder / file.name).write_bytes(file.read_bytes())
    with closing(sqlite3.connect(old)) as connection:
        migrations.migrate(connection, old, folder)
        connection.execute("ATTACH ? AS new", (str(new),))
        for table in ("service", "session", "interaction"):
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
        connection.commit()
        connection.execute("DETACH new")
        migrations.migrate(connection, old)
    lags = "SELECT sid, lag FROM interaction JOIN interaction_kind ON kind = id ORDER BY sid"
    found = []
    for path in (new, old):
        with closing(sqlite3.connect(path)) as connection:
            found.append(connection.execute(lags).fetchall())
    assert found[1] == found[0]
    assert {lag for _, lag in found[0]} == set(range(-1, len(LAGS)))
