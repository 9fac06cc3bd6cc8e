"""Fills a database with a made-up account, unless the database has other rows."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import NamedTuple

from gateway import COMMAND
from gateway.demo.account import DAY, Account, Conversation
from store import twilio_mapping
from store.archive import open_archive
from store.demo import demo_mark, is_empty, mark_demo
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import DatabaseOccupied
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.sync.state import check_account

ROWS_PER_TRANSACTION = 8_000
UNFINISHED = "unfinished "


class Seed(NamedTuple):
    """The seed, the size and the day of a made-up account: ``sessions`` per Service, ``interactions`` per Session.

    Without a ``day``, it is the day on which the archive is filled.
    """

    seed: int
    services: int
    sessions: int
    interactions: int
    varied: bool = False
    day: date | None = None

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self._asdict().items())

    def on_the_day_of(self, mark: str | None) -> "Seed":
        """The seed with a day: its own, or that of ``mark``, the mark of an archive that has this account; or today."""
        if self.day:
            return self
        _, _, day = (mark or "").rpartition("day=")
        with suppress(ValueError):
            marked = self._replace(day=date.fromisoformat(day))
            if mark in (str(marked), UNFINISHED + str(marked)):
                return marked
        return self._replace(day=datetime.now(UTC).date())


DEMO = Seed(seed=1, services=5, sessions=40, interactions=14, varied=True)


async def fill(archive: Archive, seed: Seed, progress: Callable[[int], None]) -> bool:
    """Fills an empty archive with the account of ``seed``, or continues a fill that was interrupted.

    It calls ``progress`` with the number of interactions added. Returns False if the archive already has exactly this
    account. Raises DatabaseOccupied if it has other rows.
    """
    mark = await demo_mark(archive)
    seed = seed.on_the_day_of(mark)
    if mark == str(seed):
        return False
    if mark != UNFINISHED + str(seed) and not (mark is None and await is_empty(archive)):
        content = f"a demo account of another seed or size ({mark})" if mark else "an archive that is no demo"
        raise DatabaseOccupied(
            f"{archive.database} holds {content}; made-up rows are not mixed into it. Name another file."
        )
    account = Account(seed.seed, seed.services, seed.sessions, seed.interactions, seed.varied, seed.day or DAY)
    async with archive.writer.transaction() as transaction:
        await mark_demo(transaction, UNFINISHED + str(seed))
        await transaction.put(twilio_mapping.record(Service, body) for body in account.services)
    batch: list[Conversation] = []
    rows = 0
    for conversation in account.conversations():
        batch.append(conversation)
        rows += len(conversation.interactions) + len(conversation.participants) + 1
        if rows >= ROWS_PER_TRANSACTION:
            await _put(archive, batch, progress)
            batch, rows = [], 0
    await _put(archive, batch, progress)
    async with archive.writer.transaction() as transaction:
        await mark_demo(transaction, str(seed))
    return True


async def seed_archive(database: Database, seed: Seed, progress: Callable[[int], None]) -> bool:
    """Opens ``database`` and fills it, as ``fill`` does."""
    async with open_archive(database) as archive:
        return await fill(archive, seed, progress)


async def demo_archive(database: Database, seed: Seed) -> bool:
    """Fills ``database`` with the demo unless it has one; returns whether it did.

    Raises DatabaseOccupied if it has rows that are no demo.
    """
    async with open_archive(database) as archive:
        mark = await demo_mark(archive)
        if mark is None and not await is_empty(archive):
            raise DatabaseOccupied(
                f"{database} holds an archive that is no demo, and the demo doesn't write into such a file. "
                f"Serve it with `{COMMAND} serve`, or name another file."
            )
        if mark is not None and not mark.startswith(UNFINISHED):
            return False
        return await fill(archive, seed, lambda added: None)


async def checked_archive(database: Database, account_sid: str | None) -> bool:
    """Opens ``database`` once, to report its errors before serving; returns whether it was created.

    ``account_sid`` is the Twilio account to serve it with, if any. Raises DatabaseOccupied if it mirrors another.
    """
    async with open_archive(database) as archive:
        if account_sid and await demo_mark(archive) is None:
            await check_account(archive, account_sid)
        return archive.created


async def _put(archive: Archive, batch: list[Conversation], progress: Callable[[int], None]) -> None:
    async with archive.writer.transaction() as transaction:
        await transaction.put(twilio_mapping.record(Session, conversation.session) for conversation in batch)
        await transaction.put(
            twilio_mapping.record(Participant, body) for conversation in batch for body in conversation.participants
        )
        await transaction.put(
            twilio_mapping.record(Interaction, body) for conversation in batch for body in conversation.interactions
        )
    progress(sum(len(conversation.interactions) for conversation in batch))
