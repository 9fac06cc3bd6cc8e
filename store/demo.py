"""Marks an archive as a demo, so that demo rows and real rows are never mixed."""

from store.engine.protocols import Archive, Readable, Transaction

SET_MARK = "UPDATE archive SET demo = :description"
GET_MARK = "SELECT demo FROM archive"
HAS_ROWS = "SELECT EXISTS (SELECT 1 FROM service) OR EXISTS (SELECT 1 FROM deletion)"


async def mark_demo(transaction: Transaction, description: str) -> None:
    """Marks the archive as a demo; ``description`` names its seed and size."""
    await transaction.execute(SET_MARK, {"description": description})


async def demo_mark(archive: Readable) -> str | None:
    """The description that ``mark_demo`` stored; None if the archive is no demo."""
    ((description,),) = await archive.fetch(GET_MARK)
    return str(description) if description is not None else None


async def is_empty(archive: Archive) -> bool:
    """Whether the archive has no Service and no ledger entry."""
    ((has_rows,),) = await archive.fetch(HAS_ROWS)
    return not has_rows
