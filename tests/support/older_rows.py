"""Rows as older versions wrote them, which today's mapping doesn't."""

from collections.abc import Sequence

from bodies import sid
from store.engine.protocols import Archive

NULS = (
    ("UPDATE interaction SET body = :text, extra = :text WHERE sid = :sid", "KI", 50),
    ("UPDATE interaction SET inbound_resource_url = :text, plain = FALSE WHERE sid = :sid", "KI", 60),
    ("UPDATE participant SET friendly_name = :text WHERE sid = :sid", "KP", 0),
)


async def write_nuls(archive: Archive, texts: Sequence[str]) -> None:
    """Writes those of the texts that have a NUL, which only SQLite can hold, into rows with their numbers."""
    with_nul = [(number, text) for number, text in enumerate(texts, 1) if "\0" in text]
    async with archive.writer.transaction() as transaction:
        for sql, prefix, more in NULS:
            for number, text in with_nul:
                await transaction.execute(sql, {"text": text, "sid": sid(prefix, number + more)})
