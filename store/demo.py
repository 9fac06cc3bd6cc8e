"""Whether an archive holds a demo account, a real one, or nothing. Demo rows and real rows must never mix."""

from store.archive import Archive
from store.sqlite.writer import Transaction

MARK = "UPDATE archive SET demo = ?"
MARKED = "SELECT demo FROM archive"
ANYTHING = "SELECT EXISTS (SELECT 1 FROM service) OR EXISTS (SELECT 1 FROM deletion)"


async def mark_demo(transaction: Transaction, description: str) -> None:
    """Marks the archive as a demo; ``description`` names its seed and size."""
    await transaction.execute(MARK, (description,))


async def demo_mark(archive: Archive) -> str | None:
    """The description that ``mark_demo`` stored; None if the archive is no demo."""
    ((description,),) = await archive.fetch(MARKED)
    return str(description) if description is not None else None


async def is_empty(archive: Archive) -> bool:
    """Whether the archive has no Service and no ledger entry."""
    ((anything,),) = await archive.fetch(ANYTHING)
    return not anything
