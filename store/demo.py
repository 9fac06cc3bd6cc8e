"""Whether an archive holds a demo account, a real one, or nothing yet: the two must never be mixed."""

from store.archive import Archive
from store.sqlite.writer import Transaction

MARK = "UPDATE archive SET demo = ?"
MARKED = "SELECT demo FROM archive"
ANYTHING = "SELECT EXISTS (SELECT 1 FROM service) OR EXISTS (SELECT 1 FROM deletion)"


async def mark_demo(transaction: Transaction, description: str) -> None:
    """Notes that everything in this archive is made up; ``description`` says how."""
    await transaction.execute(MARK, (description,))


async def demo_mark(archive: Archive) -> str | None:
    """The description that ``mark_demo`` noted; None where the archive is no demo."""
    ((description,),) = await archive.fetch(MARKED)
    return str(description) if description is not None else None


async def is_empty(archive: Archive) -> bool:
    """Whether nothing was ever kept in this archive."""
    ((anything,),) = await archive.fetch(ANYTHING)
    return not anything
