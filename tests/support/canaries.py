"""Rows with texts that can be searched for in a file, and their erasure."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from shutil import copy

import bodies
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.interactions import Interaction
from store.queries.lookups import Lookup

MESSAGES = list(range(1, 41))
"""The messages of the archive of which ``backup`` is a backup."""
NUMBER = "+12025550121"
"""The number of its participant."""


def canary(number: int) -> str:
    return f"CANARY{number:06d}."


async def put_canaries(archive: Archive, numbers: list[int], pick: Random, large: float = 0) -> None:
    """Short messages; a share of ``large`` is longer than a database page."""
    rows = []
    for number in numbers:
        text = canary(number) + "x" * pick.randrange(9_000 if large and pick.random() < large else 60)
        rows.append(bodies.interaction(number, data=json.dumps({"body": text}), url="u" * pick.randrange(200)))
    await bodies.put(archive, *rows)


async def erase(archive: Archive, *numbers: int) -> None:
    sids = [bodies.sid("KI", number) for number in numbers]
    for found in await archive.reader().read(Lookup(Interaction), sids):
        assert found is not None
        await erasure.request(archive, found, "a test")
    await erasure.erase(archive, *sids)


def copy_files(database: Path, to: Path) -> None:
    """Copies a database that may be open, as a crash would leave it."""
    for ending in ("", "-wal", "-to-clean"):
        source = database.with_name(database.name + ending)
        if source.exists():
            copy(source, to.with_name(to.name + ending))


def sids(database: Path, table: str = "interaction") -> set[str]:
    """The SIDs in the closed database."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        return {sid for (sid,) in connection.execute(f"SELECT sid FROM {table}")}


def messages(*numbers: int) -> set[str]:
    return {bodies.sid("KI", number) for number in numbers}


def content(database: Path) -> bytes:
    """The content of the database and of the files beside it."""
    return b"".join(file.read_bytes() for file in database.parent.iterdir() if file.name.startswith(database.name))
