"""Warns that a promotion of a standby could lose deletions.

A deletion's transaction waits for the synchronous standbys. If the server has none, a promoted standby may lack the
last deletions, and with them their entries in the ledger, so their rows come back.
"""

from store.postgresql.pools import ConnectionPool

STANDBYS = """
SELECT current_setting('synchronous_standby_names') = '', EXISTS (
  SELECT FROM pg_stat_replication WHERE application_name NOT IN ('pg_basebackup', 'pg_receivewal')
)
""".strip()
CAUTION = (
    "No standby of {address} is synchronous: if one is promoted, the last deletions can be lost, and their rows come "
    "back. Set the server's synchronous_standby_names."
)


async def caution(pool: ConnectionPool, has_replicas: bool) -> str | None:
    """A sentence if a promotion could lose deletions; ``has_replicas`` says that there are standbys in any case."""
    ((none_is_synchronous, has_standbys),) = await pool.fetch(STANDBYS)
    return CAUTION.format(address=pool.address) if none_is_synchronous and (has_standbys or has_replicas) else None
