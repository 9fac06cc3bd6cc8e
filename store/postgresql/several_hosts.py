"""Addresses with several hosts, as libpq allows them: which hosts they name, and which of these is the primary now.

asyncpg tries the hosts one after another within one time-out, so a frozen host would hide the others. Here they
are tried at the same time. If two of them say that they are the primary, the one on the later timeline is: each
promotion of a standby begins a new timeline, and a primary that was replaced may have come back on the old one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import zip_longest
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import asyncpg

from store.engine.database import Address

RawConnection = asyncpg.Connection
Connect = Callable[[Address], Awaitable[RawConnection]]

OTHERS_SECONDS = 0.25
"""How long the other hosts may still take to answer once one has answered as the primary."""
TIMELINE = "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint"
"""The primary's timeline; pg_control_checkpoint() has the old one until the first checkpoint after a promotion."""
ROLE = f"SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE {TIMELINE} END"


NONE = "none of its hosts is the primary. Wait until a standby is promoted."
REPLACED = "the host that says to be the primary was replaced by another one before."


class NoPrimary(OSError):
    """None of the hosts is a primary on the latest timeline that was seen."""


def hosts_of(address: Address) -> list[Address]:
    """One address for each host that ``address`` names, in its order, whether it is a primary or a standby now."""
    parts = urlsplit(address.url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "target_session_attrs"]
    credentials, at, named = parts.netloc.rpartition("@")
    given = dict(query)
    if named or "host" not in given:
        return [_address(parts, f"{credentials}{at}{host}", query) for host in named.split(",")]
    others = [(name, value) for name, value in query if name not in ("host", "port")]
    names, ports = given["host"].split(","), given.get("port", "").split(",")
    ports = ports * len(names) if len(ports) == 1 else ports
    pairs = zip_longest(names, ports[: len(names)], fillvalue="")
    return [
        _address(parts, parts.netloc, [*others, ("host", host), *([("port", port)] if port else [])])
        for host, port in pairs
    ]


def _address(parts: SplitResult, netloc: str, query: Sequence[tuple[str, str]]) -> Address:
    # urlunsplit would leave out the slashes of a URL without a host.
    return Address(f"{parts.scheme}://{netloc}{parts.path}{'?' if query else ''}{urlencode(query)}")


def wants_primary(address: Address) -> bool:
    """Whether the address names several hosts and means the primary. By libpq's default it would mean any of them."""
    named = dict(parse_qsl(urlsplit(address.url).query)).get("target_session_attrs", "primary")
    return len(hosts_of(address)) > 1 and named in ("primary", "read-write")


class Primaries:
    """Finds the primary among hosts, and remembers the latest timeline."""

    def __init__(self) -> None:
        self._timelines: dict[str, int] = {}

    async def connect(self, address: Address, connect: Connect) -> RawConnection:
        """A connection to the primary among the address's hosts. Raises NoPrimary, or what ``connect`` raises."""
        tasks = [asyncio.ensure_future(_primary(host, connect)) for host in hosts_of(address)]
        try:
            found = await _first_and_others(tasks)
            return self._latest(address, found, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def latest(self, address: Address) -> int:
        """The latest timeline that was seen among the address's hosts."""
        return self._timelines.get(address.url, 0)

    def note(self, address: Address, timeline: int) -> None:
        """Remembers a timeline that a host has."""
        self._timelines[address.url] = max(timeline, self.latest(address))

    def _latest(
        self,
        address: Address,
        found: Sequence[tuple[RawConnection, int]],
        tasks: Sequence["asyncio.Future[tuple[RawConnection, int] | None]"],
    ) -> RawConnection:
        best = max(found, key=lambda pair: pair[1], default=None)
        for raw, _ in found:
            if best is None or raw is not best[0]:
                raw.terminate()
        if best is None:
            errors = [error for task in tasks if task.done() and (error := task.exception())]
            raise (errors[0] if len(errors) == len(tasks) else NoPrimary(NONE))
        raw, timeline = best
        if timeline < self.latest(address):
            raw.terminate()
            raise NoPrimary(REPLACED)
        self.note(address, timeline)
        return raw


PRIMARIES = Primaries()


async def _primary(host: Address, connect: Connect) -> tuple[RawConnection, int] | None:
    """A connection to the host, and its timeline; None if it is a standby."""
    raw = await connect(host)
    try:
        timeline = await raw.fetchval(ROLE)
    except BaseException:
        raw.terminate()
        raise
    if timeline is None:
        raw.terminate()
        return None
    return raw, int(timeline)


async def _first_and_others(
    tasks: Sequence["asyncio.Future[tuple[RawConnection, int] | None]"],
) -> list[tuple[RawConnection, int]]:
    """The primaries: the first that answers, and those that answer soon after it."""
    pending = set(tasks)
    seconds = None
    while pending:
        done, pending = await asyncio.wait(pending, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            break
        if seconds is None and any(not task.exception() and task.result() for task in done):
            seconds = OTHERS_SECONDS
    return [found for task in tasks if task.done() and not task.exception() and (found := task.result())]
