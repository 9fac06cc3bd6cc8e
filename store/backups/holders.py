"""Finds the backups and copies that still hold erased rows, by reading each that is recorded; so it needs no clock."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path

import msgspec

from store.backups.notes import Backup, noted
from store.engine.protocols import Readable
from store.erasure.copies import ArchiveCopy, copies_of
from store.participants import Participant
from store.sqlite.cleaning import has_log
from store.sqlite.connections import APPLICATION_ID, READING, reading
from store.sqlite.copies.unfinished import incomplete, unfinished_copy

APPLICATION = "PRAGMA application_id"
HOLDS = f"""
SELECT EXISTS (SELECT 1 FROM interaction WHERE sid IN (SELECT value FROM json_each(:sids)))
  OR EXISTS (SELECT 1 FROM session WHERE sid IN (SELECT value FROM json_each(:sids)))
  OR EXISTS (SELECT 1 FROM participant WHERE sid IN (SELECT value FROM json_each(:sids))
    AND coalesce({", ".join(Participant.personal)}) IS NOT NULL)
""".strip()


class Holds(StrEnum):
    """Whether a backup holds rows that were erased."""

    HOLDS = "HOLDS"
    """It was read, and has one of them."""
    UNREADABLE = "UNREADABLE"
    """The file exists but can't be read, so it may hold erased rows."""
    GONE = "GONE"
    """Its file is no longer at its path. If it was moved, it may have them."""
    UNFINISHED = "UNFINISHED"
    """It is an unfinished copy, which may have them. Only discarding or finishing it changes that."""
    ELSEWHERE = "ELSEWHERE"
    """It is a database, which isn't read for this, so it may have them."""


class Holder(msgspec.Struct, frozen=True):
    """A backup or a copy that has, or may have, rows that were erased."""

    path: str
    begun_at: str
    state: Holds


async def holding(archive: Readable, sids: Sequence[str]) -> list[Holder]:
    """The recorded backups that hold, or may hold, one of these Interactions, Sessions or Participants; newest first.

    A Participant counts only if the backup has something that names the person.
    """
    backups = await noted(archive)
    states = await asyncio.to_thread(lambda: [_state(backup, sids) for backup in backups])
    pairs = zip(backups, states, strict=True)
    return [Holder(backup.path, backup.begun_at, state) for backup, state in pairs if state]


async def copies_holding(archive: Readable, sids: Sequence[str]) -> list[Holder]:
    """The same of the recorded copies: other databases that the archive was copied into, or from."""
    copies = await copies_of(archive)
    states = await asyncio.to_thread(lambda: [_state_of_copy(copy, sids) for copy in copies])
    pairs = zip(copies, states, strict=True)
    return [Holder(copy.target, copy.begun_at, state) for copy, state in pairs if state]


def _state(backup: Backup, sids: Sequence[str]) -> Holds | None:
    path = Path(backup.path)
    if backup.finished_at is None and incomplete(path).exists():
        return Holds.UNREADABLE
    return _state_of_file(path, backup.finished_at is not None, sids)


def _state_of_copy(copy: ArchiveCopy, sids: Sequence[str]) -> Holds | None:
    path = Path(copy.target)
    if not path.is_absolute():  # It is an address of PostgreSQL.
        return Holds.ELSEWHERE if copy.finished_at else Holds.UNFINISHED
    if copy.finished_at is None and unfinished_copy(path).exists():
        return Holds.UNFINISHED
    return _state_of_file(path, copy.finished_at is not None, sids)


def _state_of_file(path: Path, is_finished: bool, sids: Sequence[str]) -> Holds | None:
    try:
        if not path.exists():
            return Holds.GONE if is_finished else None
        with closing(sqlite3.connect(reading(str(path), immutable=not has_log(path)), **READING)) as connection:
            ((application,),) = connection.execute(APPLICATION).fetchall()
            if application != APPLICATION_ID:
                return Holds.UNREADABLE
            ((holds,),) = connection.execute(HOLDS, {"sids": json.dumps(list(sids))}).fetchall()
    except (sqlite3.Error, OSError):
        return Holds.UNREADABLE
    return Holds.HOLDS if holds else None
