"""What PostgreSQL says of an archive's database and of its server: versions, sizes, standbys, and settings.

A role sees less of a server than pg_monitor does: what it may not see is left out.
"""

from store.engine.database import Address
from store.health.health import Health, Server, Slot, Standby, Versions, python_version
from store.postgresql.connections import READING, RawConnection, close, connect
from store.postgresql.explanations import FAILURES, explained_read
from store.postgresql.migrations import latest, version_of
from store.postgresql.opening import check_readable
from store.postgresql.purging.hindrances import hindrances

SERVER = """
SELECT current_setting('server_version'), pg_database_size(current_database()), pg_is_in_recovery(),
  CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
    THEN coalesce(CAST(extract(epoch FROM now() - pg_last_xact_replay_timestamp()) AS double precision), 0) ELSE 0 END,
  (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
  CAST(current_setting('max_connections') AS bigint), has_function_privilege('pg_ls_waldir()', 'EXECUTE')
""".strip()
LOG_BYTES = "SELECT CAST(coalesce(sum(size), 0) AS bigint) FROM pg_ls_waldir()"
TABLES = """
SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class
WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
ORDER BY bytes DESC, relname
""".strip()
SETTINGS = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY ($1) ORDER BY name"
STANDBYS = """
SELECT coalesce(nullif(application_name, ''), host(client_addr), 'a standby'), state, sync_state,
  CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bigint),
  CAST(extract(epoch FROM replay_lag) AS double precision)
FROM pg_stat_replication ORDER BY 1
""".strip()
SLOTS = """
SELECT slot_name, active, CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) AS bigint)
FROM pg_replication_slots WHERE restart_lsn IS NOT NULL ORDER BY slot_name
""".strip()
SHOWN = (
    *("archive_mode", "autovacuum", "data_checksums", "fsync", "full_page_writes", "max_slot_wal_keep_size"),
    *("synchronous_commit", "synchronous_standby_names", "wal_level", "wal_recycle"),
)
"""The settings that decide what a crash, a promotion or an erasure leaves. None has a password."""


async def described_server(address: Address) -> Health:
    """The sizes and versions of the archive at ``address``, and its server.

    Raises a DatabaseError if there is no archive or it can't be used.
    """
    await check_readable(address)
    connection = await connect(address, READING)
    try:
        return await _described(connection, address)
    except FAILURES as error:
        raise explained_read(error, address) from error
    finally:
        await close(connection)


async def _described(connection: RawConnection, address: Address) -> Health:
    ((version, size, is_standby, lag, connections, most, sees_log),) = await connection.fetch(SERVER)
    server = Server(
        is_standby,
        lag,
        connections,
        most,
        tables=dict([tuple(row) for row in await connection.fetch(TABLES)]),
        settings=dict([tuple(row) for row in await connection.fetch(SETTINGS, SHOWN)]),
        # A standby can't say where the primary's log ends.
        standbys=[] if is_standby else [Standby(*row) for row in await connection.fetch(STANDBYS)],
        slots=[] if is_standby else [Slot(*row) for row in await connection.fetch(SLOTS)],
        hindrances=await hindrances(connection.fetch),
    )
    log_bytes = await connection.fetchval(LOG_BYTES) if sees_log else None
    number = version.split()[0]
    versions = Versions(python_version(), None, False, await version_of(connection), latest(), number)
    return Health(str(address), size, log_bytes, versions, server)
