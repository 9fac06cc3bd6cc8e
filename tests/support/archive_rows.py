"""Statements in an open archive: what a test reads of its tables, and what it writes past the store."""

from typing import Any

from store.engine.protocols import Archive


async def rows(archive: Archive, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await archive.fetch(sql)]


async def execute(archive: Archive, *statements: str) -> None:
    async with archive.writer.transaction() as transaction:
        for statement in statements:
            await transaction.execute(statement)
