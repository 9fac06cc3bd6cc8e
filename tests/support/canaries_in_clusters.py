"""Rows of a database of PostgreSQL with texts that can be searched for in the files of a cluster, and their erasure."""

import json
import os
import re
from base64 import b64encode
from pathlib import Path

import bodies
from postgresql import Cluster
from store.engine.database import Address
from store.postgresql.opening import prepare

SESSION, ACCOUNT = bodies.sid("KC", 1), bodies.ACCOUNT
PARENTS = f"""
INSERT INTO service (sid, account_sid, date_created, date_updated)
VALUES ('{bodies.sid("KS", 1)}', '{ACCOUNT}', '2026', '2026');
INSERT INTO session (sid, service_sid, account_sid, date_created, date_updated)
VALUES ('{SESSION}', '{bodies.sid("KS", 1)}', '{ACCOUNT}', '2026', '2026');
"""
FILLED = f"""
INSERT INTO interaction (sid, session_sid, service_sid, account_sid, type, data, body, date_created, date_updated)
SELECT 'KI' || lpad(to_hex(number), 32, '0'), '{SESSION}', '{bodies.sid("KS", 1)}', '{ACCOUNT}', 'message',
  row ->> 1, row ->> 1, '2026', '2026'
FROM (SELECT row, (row ->> 0)::int AS number FROM json_array_elements($json${{rows}}$json$) AS row) AS given;
"""
PERSONS = f"""
INSERT INTO participant (sid, session_sid, service_sid, account_sid, friendly_name, identifier, proxy_identifier,
  date_created, date_updated)
SELECT 'KP' || lpad(to_hex(number), 32, '0'), '{SESSION}', '{bodies.sid("KS", 1)}', '{ACCOUNT}',
  'name ' || (row ->> 1), row ->> 1, 'proxy ' || (row ->> 1), '2026', '2026'
FROM (SELECT row, (row ->> 0)::int AS number FROM json_array_elements($json${{rows}}$json$) AS row) AS given;
"""
ERASED = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at, erased_at)
SELECT sid, session_sid, service_sid, account_sid, 'a test', {at}, {at} FROM {table} WHERE sid IN ({sids});
"""
AT = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
CANARIES = re.compile(rb"CANARY\d{6}\.")


def canary(number: int) -> str:
    return f"CANARY{number:06d}."


def incompressible(number: int, size: int) -> str:
    """The canary between random letters, which PostgreSQL can't compress: compressed bytes could not be found."""
    return f"{b64encode(os.urandom(size)).decode()}{canary(number)}{b64encode(os.urandom(size)).decode()}"


async def fill(cluster: Cluster, name: str, messages: int, persons: int = 0, large: int = 0) -> None:
    """An archive with this many messages and participants; the first ``large`` messages are longer than a page."""
    await prepare(Address(cluster.url(name)))
    rows = [(number, incompressible(number, 9_000 if number <= large else 20)) for number in range(1, messages + 1)]
    cluster.sql(PARENTS, name)
    for start in range(0, len(rows), 200):
        some = rows[start : start + 200]
        for each in (row for row in some if row[0] <= large):
            cluster.sql(FILLED.format(rows=json.dumps([each])), name)
        rest = [row for row in some if row[0] > large]
        cluster.sql(FILLED.format(rows=json.dumps(rest)), name)
    numbers = [(number, canary(number)) for number in range(900_001, 900_001 + persons)]
    cluster.sql(PERSONS.format(rows=json.dumps(numbers)), name)


def erase(cluster: Cluster, name: str, *numbers: int) -> None:
    """Deletes messages, as an erasure does."""
    sids = ", ".join(f"'{bodies.sid('KI', number)}'" for number in numbers)
    cluster.sql(
        f"{ERASED.format(table='interaction', sids=sids, at=AT)} DELETE FROM interaction WHERE sid IN ({sids})", name
    )


def erase_person(cluster: Cluster, name: str, *numbers: int) -> None:
    """Removes what names participants, as an erasure does."""
    sids = ", ".join(f"'{bodies.sid('KP', number)}'" for number in numbers)
    cluster.sql(
        f"{ERASED.format(table='participant', sids=sids, at=AT)} UPDATE participant SET friendly_name = NULL, "
        f"identifier = NULL, proxy_identifier = NULL WHERE sid IN ({sids})",
        name,
    )


def files_with(cluster: Cluster, *numbers: int, folders: tuple[str, ...] = ("",)) -> set[str]:
    """The files in these folders of the data directory that have one of the canaries."""
    wanted = {canary(number).encode() for number in numbers}
    return {
        str(file.relative_to(cluster.data))
        for folder in folders
        for file in (cluster.data / folder).rglob("*")
        if file.is_file() and not wanted.isdisjoint(CANARIES.findall(_content(file)))
    }


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # PostgreSQL has just removed it.
        return b""


def stages(cluster: Cluster, name: str) -> list[str]:
    """The stage of each erasure."""
    return cluster.sql(
        "SELECT CASE WHEN closed_at IS NOT NULL THEN 'closed' WHEN purged_at IS NOT NULL THEN 'purged' ELSE 'erased' "
        "END FROM deletion ORDER BY sid",
        name,
    ).split()
