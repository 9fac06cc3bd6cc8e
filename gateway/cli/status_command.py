"""``python -m gateway status``: the health of an archive, for people and for a monitoring system.

Exit codes: 0 all is well, 1 something needs attention (a sentence for each), 2 the archive can't be read, or the
settings are invalid. It changes nothing, and can run beside a server.
"""

import asyncio
import logging
from datetime import timedelta
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import __version__
from gateway.cli.backup_command import MEGABYTE, counted
from gateway.cli.command_line import flag, plain_switch, settings_of
from gateway.cli.messages import fail, out, tell
from gateway.cli.tables import printable, show
from gateway.settings.commands import StatusSettings
from store.errors import StoreError

if TYPE_CHECKING:
    from store.erasure.copies import ArchiveCopy
    from store.health.health import Health, Server, ServiceHealth, Standby, Versions

ATTENTION, UNREADABLE = 1, 2
LINE = 60
WRAPPED = ("Tables", "Standbys", "Slots", "Settings", "Erasures", "Copies")
"""The facts with a list that can be long: at most LINE characters of it are in a line."""
LARGEST = 4


def status(
    database: Annotated[str | None, flag(StatusSettings, "database")] = None,
    stale_hours: Annotated[str | None, flag(StatusSettings, "stale_hours")] = None,
    key_days: Annotated[str | None, flag(StatusSettings, "key_days")] = None,
    as_json: Annotated[bool, plain_switch("--json", "Print a JSON object, for machines.")] = False,
) -> None:
    """Show the archive's health: how up to date and how large it is, what is pending, what was checked.

    It changes nothing. It can run beside a server, and on a read-only file.

    Reasons for attention: no complete sync for --stale-hours, a failed sync, something left out, a deletion that has
    been pending for 5 minutes, a key that expires or has just expired. On PostgreSQL also: settings that endanger the
    archive or delay erasures, and standbys that could lose a deletion; there, bytes may wait two hours for their purge.

    Exit codes: 0 all is well, 1 something needs attention, 2 the archive can't be read, or the settings are invalid.
    """
    settings = settings_of(StatusSettings, locals())
    from store.health.attention import Thresholds, attention
    from store.health.reading import read_health

    thresholds = Thresholds(timedelta(hours=settings.stale_hours), timedelta(days=settings.key_days))
    try:
        health = asyncio.run(read_health(settings.database))
    except StoreError as error:
        if as_json:
            _print_json({"state": "unreadable", "error": str(error)})
            raise typer.Exit(UNREADABLE) from error
        fail(str(error), UNREADABLE)
    sentences = attention(health, thresholds)
    if as_json:
        _print_json(_members(health, sentences))
    else:
        _tell(health, sentences)
    raise typer.Exit(ATTENTION if sentences else 0)


def _print_json(members: dict[str, Any]) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(members), indent=2))


def _members(health: "Health", sentences: list[str]) -> dict[str, Any]:
    """The output of --json: the figures with the store's names, and ages in seconds for a monitoring system."""
    import msgspec

    from store.health.health import age

    def seconds(moment: str | None) -> int | None:
        return None if moment is None else max(0, int(age(moment)))

    members: dict[str, Any] = msgspec.to_builtins(health)
    for service, record in zip(members["services"], health.services, strict=True):
        service["lag_seconds"] = seconds(record.last_completed_at)
    return {
        "state": "attention" if sentences else "well",
        "attention": sentences,
        "proxygraph": __version__,
        "running": health.sync is not None and health.sync.is_running(),
        "lag_seconds": seconds(health.sync.last_completed_at if health.sync else None),
        "integrity_checked_at": health.checked_at,
        "integrity_age_seconds": seconds(health.checked_at),
        **members,
    }


def _tell(health: "Health", sentences: list[str]) -> None:
    level = logging.WARNING if sentences else logging.INFO
    tell(f"{health.path}: {'needs attention' if sentences else 'all is well'}.", level, out)
    for sentence in sentences:
        tell(f"- {printable(sentence)}", logging.WARNING, out)
    facts = dict(_facts(health))
    width = max(map(len, facts))
    for name, value in facts.items():
        lines = wrap(printable(value), LINE, break_on_hyphens=False) if name in WRAPPED else [printable(value)]
        for label, line in zip_longest((name,), lines, fillvalue=""):
            tell(f"{label:{width}}  {line}", logging.INFO, out)
    if health.services:
        titles = ("Service", "Last read", "Waiting", "Left out")
        show(out, titles, [_cells(service) for service in health.services])
    for service in health.services:
        if service.last_error:
            error = f"{_name(service)}: the last of what was left out: {service.last_error}"
            tell(printable(error), logging.WARNING, out)


def _facts(health: "Health") -> list[tuple[str, str]]:
    facts = []
    if health.sync and health.rows and health.pending:
        sync, deletions = health.sync, health.pending
        cleaning = "the file's cleaning" if health.server is None else "their bytes to be purged"
        valid = [key for key in health.keys if key.revoked_at is None]
        there = len([backup for backup in health.backups if backup.finished_at]) - len(health.backups_gone)
        facts = [
            ("Account", "a demo" if health.demo is not None else health.account_sid or "none yet"),
            ("Last sync", f"{_when(sync.last_completed_at)}{'; one is running' if sync.is_running() else ''}"),
            ("Full sync", _when(sync.last_full_completed_at)),
            ("Last error", sync.last_error or "none"),
            ("Services", f"{health.rows.services:,}, with {counted(health.rows.sessions, 'sessions')} and "
                         f"{counted(health.rows.participants, 'participants')}"),
            ("Interactions", f"{health.rows.interactions:,}"),
            ("Deletions", f"{health.rows.deletions:,}; {deletions.requested:,} wait for Twilio, "
                          f"{deletions.erased:,} for {cleaning}"),
            ("Left out", f"{sync.left_out_count:,} Sessions and Services"),
            ("Keys", f"{len(valid):,} not revoked, of {len(health.keys):,}"),
        ]  # fmt: skip
        if health.server is None:
            facts += [
                ("Checked", _when(health.checked_at)),
                ("Backups", f"{there:,}; {len(health.backups_gone):,} no longer at their paths"),
            ]
        if health.copies:
            facts.append(("Copies", ", ".join(f"{copied.target} ({_copy(copied)})" for copied in health.copies)))
    versions = health.versions
    log = "is not shown to this role" if health.log_bytes is None else f"{health.log_bytes / MEGABYTE:,.1f} MB"
    bug = " (with the WAL-reset bug)" if versions.has_wal_reset_bug else ""
    return [
        *facts,
        ("Size", f"{health.file_bytes / MEGABYTE:,.1f} MB; its log {log}"),
        ("Versions", f"Proxygraph {__version__}, database {versions.database}, Python {versions.python}"),
        *(_of_server(health.server, versions) if health.server else [("SQLite", f"{versions.sqlite}{bug}")]),
    ]


def _of_server(server: "Server", versions: "Versions") -> list[tuple[str, str]]:
    role = f"a standby, {server.lag_seconds:,.0f} s behind" if server.is_standby else "the primary"
    standbys = [f"{each.name} ({_standby(each)})" for each in server.standbys]
    slots = [f"{slot.name} keeps {slot.kept_bytes / MEGABYTE:,.1f} MB" for slot in server.slots]
    largest = list(server.tables.items())[:LARGEST]
    return [
        ("PostgreSQL", f"{versions.postgresql}, {role}"),
        ("Tables", ", ".join(f"{name} {size / MEGABYTE:,.1f} MB" for name, size in largest)),
        ("Connections", f"{server.connections:,} of {server.most_connections:,}"),
        ("Standbys", ", ".join(standbys) or "none"),
        ("Slots", ", ".join(slots) or "none"),
        ("Erasures", " ".join(server.hindrances) or "nothing hinders them"),
        ("Settings", ", ".join(f"{name}={value or 'empty'}" for name, value in server.settings.items())),
    ]


def _standby(standby: "Standby") -> str:
    if standby.state is None or standby.lag_bytes is None:
        return "not shown to this role"
    return f"{standby.state}, {standby.sync_state}, {standby.lag_bytes / MEGABYTE:,.1f} MB behind"


def _cells(service: "ServiceHealth") -> tuple[str, ...]:
    return (
        _name(service),
        _when(service.last_completed_at),
        f"{service.sessions_pending:,}",
        f"{service.left_out:,}",
    )


def _name(service: "ServiceHealth") -> str:
    return service.unique_name or service.sid


def _copy(copied: "ArchiveCopy") -> str:
    return f"unfinished, begun {_when(copied.begun_at)}" if copied.finished_at is None else _when(copied.finished_at)


def _when(moment: str | None) -> str:
    from store.health.attention import ago

    return "never" if moment is None else f"{ago(moment)} ({moment})"
