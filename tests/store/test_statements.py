"""PostgreSQL takes every statement of the store: each is prepared, which checks its names and types."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import asyncpg

import store
from store.copying import progress
from store.engine.database import Address
from store.engine.sql import Statement, text_of
from store.postgresql.connections import close, connect
from store.postgresql.dialect import DIALECT
from store.postgresql.opening import prepare
from store.postgresql.parameters import numbered

VERBS = ("SELECT ", "WITH ", "INSERT ", "UPDATE ", "DELETE ")
OF_FILES = (
    *("store.sqlite.", "store.postgresql.", "store.copying.file"),
    *("store.backups.ho", "store.backups.on", "store.backups.replaced", "store.backups.restore"),
    "store.backups.replay_in_file",
)
"""Modules whose statements are one engine's."""
PLACE = re.compile(r"\{\w+\}")
"""What a text has that is completed when it is used."""


def statements() -> Iterator[tuple[str, str]]:
    for module in pkgutil.walk_packages(store.__path__, "store."):
        if module.name.startswith(OF_FILES):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            is_text = isinstance(value, str) and value.startswith(VERBS)
            if name.isupper() and (is_text or isinstance(value, Statement)):
                yield f"{module.name}.{name}", text_of(value, DIALECT)


async def test_postgresql_can_prepare_every_statement(empty_postgresql: str) -> None:
    address = Address(empty_postgresql)
    await prepare(address)
    connection = await connect(address)
    refused, prepared = [], 0
    try:
        await connection.execute(progress.CREATE)  # A table of unfinished copies alone.
        for name, text in statements():
            if PLACE.search(text):
                continue
            prepared += 1
            try:
                await connection.prepare(numbered(text).text)
            except asyncpg.PostgresError as error:
                refused.append(f"{name}: {error}")
    finally:
        await close(connection)
    assert not refused, "\n".join(refused)
    assert prepared > 100
