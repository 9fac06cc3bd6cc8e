"""Finds problems in an archive's health that need attention, each as a sentence."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from store.health.health import Health, Server, ServiceHealth, age
from store.keys import Key

IN_PROGRESS = timedelta(minutes=5)
"""A deletion that is pending for less time than this counts as in progress."""
GATHERED = timedelta(hours=2)
"""On PostgreSQL the bytes of a large archive's erasures may be removed together, which takes longer."""
LATE = timedelta(minutes=1)
"""A standby that is further behind than this is reported."""
NOT_OFF = {
    "fsync": "a crash of the machine can damage the archive",
    "full_page_writes": "a crash of the machine can damage the archive",
    "autovacuum": "tables grow, and what was erased stays in them",
}
"""PostgreSQL's settings that should not be off."""
PROMOTION = (
    "No standby is synchronous: if one is promoted, the last deletions can be lost, and their rows come back. Set the "
    "server's synchronous_standby_names."
)
WAITING = (
    "The server's synchronous_standby_names names no standby that is connected: deletions wait for one, and fail. "
    "Start it, or change the setting."
)
NOT_SYNCHRONOUS = ("async", "potential")
UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


class Thresholds(NamedTuple):
    """The time without a complete sync after which an archive is stale, and how early a key's expiry is reported."""

    stale: timedelta
    expiring: timedelta


def attention(health: Health, thresholds: Thresholds) -> list[str]:
    """A sentence for each thing that needs attention; none if all is well."""
    versions = health.versions
    if versions.database < versions.database_of_code:
        kind = "file" if health.server is None else "database"
        return [
            f"The {kind} is of version {versions.database}. The next server or sync of this Proxygraph migrates it to "
            f"version {versions.database_of_code}; until then only its sizes are known."
        ]
    return [
        *_of_sync(health, thresholds.stale),
        *_of_deletions(health),
        *_of_keys(health.keys, thresholds.expiring),
        *(_of_server(health.server) if health.server else ()),
    ]


def ago(moment: str) -> str:
    """How long ago a time was, as text, in the largest unit that gives a number of at least two."""
    return f"{_length(age(moment))} ago"


def _of_sync(health: Health, stale: timedelta) -> Iterator[str]:
    sync = health.sync
    if sync is None or health.demo is not None:
        return
    is_stale = sync.last_completed_at is None or age(sync.last_completed_at) > stale.total_seconds()
    if sync.last_completed_at is None:
        yield "No sync of the whole account was ever completed."
    elif is_stale:
        yield f"It is stale: the last sync of the whole account was completed {ago(sync.last_completed_at)}."
    for service in health.services if not is_stale else ():
        if service.last_completed_at is None:
            yield f"The Service {_name(service)} was never read completely."
        elif age(service.last_completed_at) > stale.total_seconds():
            yield f"The Service {_name(service)} was last read completely {ago(service.last_completed_at)}."
    if sync.last_error:
        yield f"The last sync failed: {sync.last_error}"
    if sync.left_out_count:
        yield f"{_counted(sync.left_out_count, 'Session or Service', 'Sessions or Services')} could not be read."


def _of_deletions(health: Health) -> Iterator[str]:
    pending = health.pending
    if pending is None:
        return
    if pending.requested_since and age(pending.requested_since) > IN_PROGRESS.total_seconds():
        yield (
            f"{_counted(pending.requested, 'deletion waits', 'deletions wait')} for Twilio, the oldest for "
            f"{_length(age(pending.requested_since))}."
        )
    is_gathered = health.server is not None and pending.waits_for is None
    usual = GATHERED if is_gathered else IN_PROGRESS
    if pending.erased_since and age(pending.erased_since) > usual.total_seconds():
        yield (
            f"{_counted(pending.erased, 'row is', 'rows are')} erased, but not yet every byte of them: "
            f"{pending.waits_for or 'the server that should finish it has stopped.'}"
        )
    if pending.records:
        records = _counted(pending.records, "Message or Call is", "Messages or Calls are")
        yield f"{records} still to be deleted at Twilio."


def _of_replication(server: Server) -> Iterator[str]:
    if not server.settings.get("synchronous_standby_names"):
        if server.standbys:
            yield PROMOTION
    elif not server.is_standby and all(standby.sync_state in NOT_SYNCHRONOUS for standby in server.standbys):
        yield WAITING


def _of_server(server: Server) -> Iterator[str]:
    for name, consequence in NOT_OFF.items():
        if server.settings.get(name) == "off":
            yield f"The server's setting {name} is off: {consequence}."
    yield from _of_replication(server)
    if server.lag_seconds > LATE.total_seconds():
        yield f"This standby is {_length(server.lag_seconds)} behind the primary."
    for standby in server.standbys:
        if (standby.lag_seconds or 0) > LATE.total_seconds():
            yield f"The standby {standby.name} is {_length(standby.lag_seconds or 0)} behind."
    for slot in server.slots:
        if not slot.is_active:
            yield (
                f"The replication slot {slot.name} is not in use and keeps {slot.kept_bytes / 1_000_000:,.0f} MB of "
                "the log, with the bytes of what was erased since. Drop it, or start its standby."
            )


def _of_keys(keys: list[Key], expiring: timedelta) -> Iterator[str]:
    for key in keys:
        if key.revoked_at is not None or key.expires_at is None:
            continue
        left = -age(key.expires_at)
        if 0 <= left <= expiring.total_seconds():
            yield f"The key {key.name} expires in {_length(left)}."
        elif -expiring.total_seconds() <= left < 0:
            yield f"The key {key.name} expired {_length(-left)} ago. Revoke it, or create another."


def _name(service: ServiceHealth) -> str:
    return service.unique_name or service.sid


def _counted(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _length(seconds: float) -> str:
    seconds = max(0, int(seconds))
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= 2 * size), UNITS[-1])
    number = seconds // size
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
