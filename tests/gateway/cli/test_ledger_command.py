"""``ledger`` as a person, a spreadsheet and a machine read it."""

import csv
import io
import json

import pytest

import bodies
from running_commands import run
from store.archive import open_archive
from store.engine.database import Database

TIMES = ("2026-11-27T23:59:59.999Z", "2026-11-28T00:00:00.000Z", "2026-11-28T09:30:00.000Z", "2026-11-29T00:00:00.000Z")
KI = [bodies.sid("KI", number) for number in range(1, 5)]
ASKED_BY = ("console", 'jwt:a, "b"', " \t=HYPERLINK(1)", "\uff20SUM(1)")


@pytest.fixture
async def ledger(database: Database) -> Database:
    """An archive whose ledger has an entry at each of TIMES."""
    async with open_archive(database) as archive, archive.writer.transaction() as transaction:
        for sid, at, by in zip(KI, TIMES, ASKED_BY, strict=True):
            await transaction.execute(
                "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at)"
                " VALUES (:sid, :session, :service, :account, :by, :at)",
                {
                    "sid": sid,
                    "session": bodies.sid("KC", 1),
                    "service": bodies.sid("KS", 1),
                    "account": bodies.ACCOUNT,
                    "by": by,
                    "at": at,
                },
            )
    return database


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ([], KI),
        (["--since", "2026-11-28"], KI[1:]),
        (["--until", "2026-11-28"], KI[:1]),
        (["--since", "2026-11-28", "--until", "2026-11-29"], KI[1:3]),
        (["--since", "2026-11-28T10:30+01:00", "--until", "2026-11-28T09:30:00.001Z"], KI[2:3]),
        (["--since", "2027-01-01"], []),
    ],
)
def test_a_period_begins_with_since_and_ends_before_until(
    ledger: Database, period: list[str], expected: list[str]
) -> None:
    result = run("ledger", "--json", "--database", str(ledger), *period)
    assert (result.returncode, [entry["sid"] for entry in json.loads(result.stdout)]) == (0, expected)


def test_a_period_without_deletions_is_reported(ledger: Database) -> None:
    result = run("ledger", "--database", str(ledger), "--since", "2027-01-01")
    assert (result.returncode, result.stdout) == (0, "Nothing was deleted in this period.\n")


def test_all_invalid_options_are_reported_at_once(ledger: Database) -> None:
    result = run(
        "ledger",
        "--json",
        "--csv",
        "--since",
        "yesterday",
        "--until",
        "9999-12-31T23:59-10:00",
        "--database",
        str(ledger),
    )
    expected = "expected a date such as 2026-11-28 or a time such as 2026-11-28T09:00+01:00"
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "Expected either --json or --csv, but got both.",
        f"--since: {expected}, but got 'yesterday'.",
        f"--until: {expected}, but got '9999-12-31T23:59-10:00'.",
    ]


def test_csv_has_every_column_of_every_entry_and_no_cell_that_starts_a_formula(ledger: Database) -> None:
    result = run("ledger", "--csv", "--database", str(ledger))
    assert (result.returncode, result.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(result.stdout.removeprefix("\ufeff"), newline="")))
    entries = json.loads(run("ledger", "--json", "--database", str(ledger)).stdout)
    assert [row["sid"] for row in rows] == KI
    assert rows[0].keys() == entries[0].keys() | {"state"}
    assert [row["requested_by"] for row in rows] == [*ASKED_BY[:2], f"'{ASKED_BY[2]}", f"'{ASKED_BY[3]}"]
    assert rows[0]["erased_at"] == ""
