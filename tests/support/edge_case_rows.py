"""An archive of edge-case rows: those that the mapping accepts, and those that only raw SQL can write."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import bodies
import injection_rows
import older_rows
from bodies import sid
from document_values import Pool
from store.engine.protocols import Archive, Transaction
from store.enums import InteractionType, ResourceStatus, ResourceType, SessionMode, SessionStatus

TEXTS = (
    "",
    " ",
    "null",
    "[1]",
    '"quoted" and \\"escaped\\"',
    "back\\slash \\u0041 \\",
    "it's -- ; /* */ %_?:$ </script>",
    "line\nfeed, carriage\rreturn, tab\t",
    "".join(map(chr, range(0x20))),
    "in\x00between\x00",
    "\x00",
    "\x7f\x80\x85\x9f\xa0\xad",
    "\u2028 and \u2029",
    "\ufeffbegins with a byte order mark",
    "😀 👩‍👩‍👧 🏳️‍🌈 \U0010ffff",
    "e\u0301 n\u0303 Z͑ͫ̓ͪ̂ͫ̽͏",
    "שלום \u202eمرحبا\u202c",
    "\ufffe\uffff\ufdd0\U0001fffe",
    "日本語 ﷽ ǅ ı İ ß",
    "\ufffd",
)
"""Texts with a special meaning in JSON, SQL, UTF-8 or a terminal. The mapping replaces each NUL by U+FFFD."""

SURROGATES = ("\ud800", "\udfff tail", "half an emoji \ud83d", "\ude00\ud83d", "\ud83d\ude00")
"""Texts that were cut in UTF-16. The mapping replaces each lone surrogate by U+FFFD."""

URLS = (
    "https://api.example/%s/%%25",
    "https://api.example/é😀",
    "http://\x7f/",
    'a"b',
    "a\\b",
    "a\tb",
    "a\x00b",
    "",
)
"""Addresses that need no JSON escaping, and others that do."""

DATA = (
    None,
    "",
    "no JSON",
    "{",
    "null",
    "[]",
    '"text"',
    "{}",
    '{"body": null}',
    '{"body": 7}',
    '{"body": ""}',
    '{"body": "\\ud83d cut", "more": "\\u0000"}',
    '{"body": "\\ud83d\\ude00 \\u2028 \\u007f"}',
    '{"duration": "5"}',
    '{"duration": 0}',
    '{"duration": "999999999"}',
    '{"duration": "9999999999"}',
    '{"duration": -1}',
    '{"duration": 1.5}',
    '{"duration": true}',
    '{"duration": "٣"}',
    '{"body": "a", "body": "b"}',
    '{"body": NaN}',
    "[" * 3_000,
    {"body": "given as an object"},
    "1e999",
)
"""Values of ``data``: usual ones, and some that Twilio would never send."""

TIMES = (
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "2026-02-28T23:59:59.9996Z",
    "2026-05-04T09:30:00+14:00",
    "2026-05-04",
    "2038-01-19T03:14:08Z",
    "9999-12-31T23:59:59.999999Z",
)
INVALID_TIMES = (None, "", "yesterday", "2026-13-01T00:00:00Z", 1_700_000_000, "0001-01-01T00:00:00+01:00")
INTEGERS = (0, 1, -1, 2**31 - 1, -(2**31), 2**31, 2**63, "7", "0007", "²", True, 1.5, None, "")
ENUM_VALUES = ("Delivered", "IN-PROGRESS", "in_progress", "no-such-word", "", " ", "é", "unknown", "UNKNOWN", 7, None)
LONG = "long \U0001f600 " * 100_000

EMPTY_SERVICE = sid("KS", 2)
CROWDED = sid("KC", 1)
LEGS: dict[str, Any] = {
    f"{side}_{name}": None
    for side, name in product(
        ("inbound", "outbound"),
        ("participant_sid", "resource_sid", "resource_status", "resource_type", "resource_url"),
    )
}

FAILED_RUN = """
INSERT INTO sync_run (number, mode, started_at, alive_at, finished_at, outcome, error)
VALUES (1, 'odd', :at, :at, :at, 'failed', :error)
""".strip()
ROW = "SELECT sid FROM {table} ORDER BY date_created, sid"
RELATED = "SELECT session_sid, service_sid, sid FROM {table}"
DISTINCT_VALUES = "SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1"


async def fill(archive: Archive, with_nuls: bool = True) -> None:
    """Fills ``archive`` with edge-case rows (in SQLite some with a NUL), which no query fails on."""
    await bodies.put(archive, *rows())
    async with archive.writer.transaction() as transaction:
        # The mapping rejects these values, but an older version or a person may have written them.
        for number, word in enumerate(word for word in ENUM_VALUES if isinstance(word, str)):
            await _set(transaction, sid("KC", 10 + number), status=word, mode=word)
            legs = {"inbound_resource_status": word, "outbound_resource_type": word}
            await _set(transaction, sid("KI", 10 + number), type=word, **legs)
        await _set(transaction, sid("KI", 30), inbound_participant_sid="")
        await _set(transaction, sid("KC", 9), date_started="x", archived_at="")
        await transaction.execute(FAILED_RUN, {"at": "2026-01-01T00:00:00.000Z", "error": TEXTS[7]})
        pending = "INSERT INTO service_sync (service_sid, sessions_pending) VALUES (:service, 2147483647)"
        await transaction.execute(pending, {"service": EMPTY_SERVICE})
    if with_nuls and archive.dialect.name == "sqlite":
        await older_rows.write_nuls(archive, TEXTS)


def rows() -> Iterator[bodies.Body]:
    """The rows that the mapping accepts."""
    yield from _services()
    yield from _sessions()
    yield from _participants()
    yield from _interactions()
    yield from injection_rows.rows()


async def damage(archive: Archive) -> None:
    """Adds rows that the mapping never writes, and that cause a server error in some field."""
    async with archive.writer.transaction() as transaction:
        for number, value in enumerate((2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1)):
            await _set(transaction, sid("KC", 20 + number), ttl=value)
            await _set(transaction, sid("KI", 20 + number), duration_seconds=value)
        await _set(transaction, sid("KI", 40), service_sid=sid("KS", 999))
        if archive.dialect.name == "sqlite":  # PostgreSQL has no text that isn't UTF-8.
            not_utf_8 = "UPDATE interaction SET body = CAST(x'eda080ff' AS TEXT) WHERE sid = :sid"
            await transaction.execute(not_utf_8, {"sid": sid("KI", 41)})


async def _set(transaction: Transaction, of: str, **values: Any) -> None:
    assignments = ", ".join(f"{column} = :{column}" for column in values)
    table = bodies.RECORD_TYPES[of[:2]].table
    await transaction.execute(f"UPDATE {table} SET {assignments} WHERE sid = :sid", values | {"sid": of})


async def pool_of(archive: Archive) -> Pool:
    """The values of ``archive`` to generate documents with."""
    ids: dict[str, list[str]] = {}
    for record in bodies.RECORD_TYPES.values():
        ids[record.__name__] = [row[0] for row in await archive.fetch(ROW.format(table=record.table))]
    under: dict[tuple[str, str], list[str]] = {}
    for session, service in await archive.fetch("SELECT sid, service_sid FROM session ORDER BY sid"):
        under.setdefault((service, "Session"), []).append(session)
    for table, kind in (("participant", "Participant"), ("interaction", "Interaction")):
        for session, service, one in await archive.fetch(RELATED.format(table=table) + " ORDER BY sid"):
            under.setdefault((session, kind), []).append(one)
            under.setdefault((service, kind), []).append(one)
    names = [row[0] for row in await archive.fetch(DISTINCT_VALUES.format(table="session", column="unique_name"))]
    people = {
        column: [row[0] for row in await archive.fetch(DISTINCT_VALUES.format(table="participant", column=column))]
        for column in ("identifier", "proxy_identifier", "friendly_name")
    }
    legs = await archive.fetch(DISTINCT_VALUES.format(table="interaction", column="inbound_resource_sid"))
    times = await archive.fetch(DISTINCT_VALUES.format(table="interaction", column="date_created"))
    spelled = ["2026-01-01T00:00:00Z", "2026-01-01", "2026-01-01T01:00:00.5+01:00"]
    return Pool(
        ids=ids,
        under=under,
        words={
            "": [*TEXTS[1:], "text", "%", "_", "é", "TEXT 1"],
            "uniqueName": names,
            "identifier": people["identifier"],
            "proxyIdentifier": people["proxy_identifier"],
            "friendlyName": people["friendly_name"],
            "resourceSid": [row[0] for row in legs],
        },
        times=[*spelled, *(row[0] for row in times)],
    )


def _services() -> Iterator[bodies.Body]:
    yield bodies.service(1)
    yield bodies.service(2, unique_name="without a session", date_created=TIMES[0])
    yield {"sid": sid("KS", 3), "account_sid": bodies.ACCOUNT}
    for number, text in enumerate(TEXTS[:3], 4):
        yield bodies.service(
            number,
            unique_name=TEXTS[-number],
            callback_url=text,
            chat_instance_sid=TEXTS[10],
            geo_match_level=ENUM_VALUES[number],
            number_selection_behavior="Prefer-Sticky",
            default_ttl=INTEGERS[number],
            date_created=TIMES[number],
            extra_word={"unknown": text},
        )


def _sessions() -> Iterator[bodies.Body]:
    yield bodies.session(1)
    statuses, modes = [*SessionStatus, *ENUM_VALUES], [*SessionMode, None]
    for number in range(2, 40):
        yield bodies.session(
            number,
            of=(1, 1, 1, 3, 4, 5, 6)[number % 7],
            unique_name=None if number % 9 == 0 else [*TEXTS, *SURROGATES][number % 25],
            status=statuses[number % len(statuses)],
            mode=modes[number % len(modes)],
            closed_reason=TEXTS[(number * 7) % len(TEXTS)],
            ttl=INTEGERS[number % len(INTEGERS)],
            date_started=INVALID_TIMES[number % len(INVALID_TIMES)],
            date_ended=TIMES[number % len(TIMES)],
            date_last_interaction=TIMES[-number % len(TIMES)] if number % 3 else None,
            date_created=TIMES[number % len(TIMES)] if number % 2 else bodies.time(5),
            links={"interactions": "left out"},
            url=None,
        )


def _participants() -> Iterator[bodies.Body]:
    for number, name in enumerate([*TEXTS, *SURROGATES], 1):
        yield bodies.participant(
            number,
            of=1 if number < 4 else 1 + number % 12,
            friendly_name=name,
            identifier=f"+1555{number % 7:07d}" if number % 4 else [*TEXTS, *SURROGATES][-number % 25],
            proxy_identifier=TEXTS[-number % len(TEXTS)],
            date_deleted=TIMES[number % len(TIMES)] if number % 3 == 0 else None,
            date_created=bodies.time(7),
        )


def _interactions() -> Iterator[bodies.Body]:
    people = [sid("KP", number) for number in (1, 2, 3, 999)] + [None, sid("KP", 20)]
    statuses, kinds = [*ResourceStatus, *ENUM_VALUES], ["Message", "Call", "message", *ResourceType, "chat", None]
    types = ["Message", "voice", *InteractionType, *ENUM_VALUES]
    for number in range(1, 130):
        text = [*TEXTS, *SURROGATES][number % 25]
        body = bodies.interaction(
            number,
            of=1 if number % 2 else 1 + number % 30,
            type=types[number % len(types)],
            data=DATA[number % len(DATA)],
            inbound_participant_sid=people[number % len(people)],
            outbound_participant_sid=people[number // len(people) % len(people)],
            inbound_resource_status=statuses[number % len(statuses)],
            outbound_resource_status=statuses[number * 5 % len(statuses)],
            inbound_resource_type=kinds[number % len(kinds)],
            outbound_resource_type=kinds[number * 3 % len(kinds)],
            inbound_resource_url=text,
            date_created=TIMES[number % len(TIMES)] if number % 5 == 0 else bodies.time(number // 10),
            date_updated=INVALID_TIMES[number % len(INVALID_TIMES)],
            url=text if number % 4 == 0 else None,
        )
        if number % 6 == 1:
            body |= {name: None for name in LEGS if number % 12 == 1 or name.startswith("outbound")}
        yield body
    for number in (130, 131):
        yield bodies.interaction(number, of=2, data='{"body": "' + LONG + '"}', date_created=bodies.time(6))
    yield from _plain()


def _plain() -> Iterator[bodies.Body]:
    """Rows that need JSON escaping only in ``data``, as Twilio's do, and some that need it in one more column."""
    statuses, types = list(ResourceStatus), list(ResourceType)
    for number in range(140, 180):
        yield bodies.interaction(
            number,
            of=1 + number % 8,
            type=list(InteractionType)[number % len(InteractionType)],
            data=DATA[number % len(DATA)],
            **{
                f"{leg}_{name}": value
                for leg in ("inbound", "outbound")
                for name, value in {
                    "participant_sid": sid("KP", number % 5 + 1),
                    "resource_sid": sid("SM", number),
                    "resource_status": statuses[(number if leg == "inbound" else number * 5) % len(statuses)],
                    "resource_type": types[number % len(types)],
                    "resource_url": URLS[number % len(URLS)],
                }.items()
            },
            date_created=bodies.time(number % 9),
        )
