"""The lengths of lists without pages, by which the cost of an operation is estimated."""

from store.engine.protocols import Archive

SERVICES = "SELECT count(*) FROM service"
MOST_PARTICIPANTS = """
SELECT coalesce(max(number), 0) FROM (SELECT count(*) AS number FROM participant GROUP BY session_sid) AS counted
""".strip()


async def services(archive: Archive) -> int:
    """How many Services there are, which is the length of ``SyncStatus.services``."""
    ((number,),) = await archive.fetch(SERVICES)
    return int(number)


async def most_participants(archive: Archive) -> int:
    """The length of the longest ``Session.participants``; reads an index whole."""
    ((number,),) = await archive.fetch(MOST_PARTICIPANTS)
    return int(number)
