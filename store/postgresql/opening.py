"""Opens a database of PostgreSQL: checks that it can be used, and creates or migrates the archive in it if needed.

A database that fails the checks stays unchanged.
"""

from asyncpg import InsufficientPrivilegeError

from store.engine.database import Address
from store.errors import DatabaseError, DatabaseForeign, DatabaseNewer, DatabaseReadOnly, DatabaseUnreachable
from store.postgresql.connections import RawConnection, close, connect
from store.postgresql.explanations import (
    FAILURES,
    LOST_STATEMENTS,
    OLDEST_VERSION,
    POOL_LOSES_STATEMENTS,
    explained_write,
    is_gone,
    too_old,
    unreachable,
    wrong_encoding,
)
from store.postgresql.migrations import latest, migrate, oldest_served, version_of

UNFINISHED = "unfinished_copy"
"""The table of a database into which an archive is being copied (store/copying/targets.py)."""
STATE = f"""
SELECT current_setting('server_encoding') AS encoding, current_schema() AS schema,
  pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS is_read_only,
  EXISTS (
    SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
  ) AS has_tables,
  to_regclass('{UNFINISHED}') IS NOT NULL AS is_copying, pg_backend_pid() AS backend
""".strip()
"""Tables of an extension, such as pg_stat_statements, don't count as another program's."""

NOT_OWNER = (
    "{address} has to be created or migrated, which its role may not. Run a command once with the URL of the role that "
    "owns the archive, such as status, and start this one again."
)


async def prepare(address: Address, create: bool = True, copying: bool = False) -> bool:
    """Makes the database ready for use; creates (if ``create``) and migrates the archive in it where needed.

    Only a copy of an archive into it, ``copying``, may use one whose copy is unfinished.

    Returns whether it created the archive. Raises a DatabaseError, and changes nothing, if it can't be used.
    """
    connection = await connect(address)
    try:
        version = await _checked_version(connection, address, copying)
        if version == 0 and not create:
            raise missing(address)
        if version == latest():
            return False
        return await migrate(connection)
    except InsufficientPrivilegeError as error:
        raise DatabaseReadOnly(NOT_OWNER.format(address=address)) from error
    except FAILURES as error:
        raise _explained(error, address) from error
    finally:
        await close(connection)


async def check_readable(address: Address) -> bool:
    """Whether the archive is of the latest version; if not, it must be migrated before it is read.

    Raises a DatabaseError if there is none, or it can't be used.
    """
    connection = await connect(address)
    try:
        version = await _checked_version(connection, address)
        if version == 0:
            raise missing(address)
        return version == latest()
    except FAILURES as error:
        raise _explained(error, address) from error
    finally:
        await close(connection)


def missing(address: Address) -> DatabaseError:
    """The error of a database without an archive, where one is expected."""
    return DatabaseUnreachable(
        f"There is no archive in {address}. Name a database that has one, or make one here by serve, sync or copy."
    )


async def _checked_version(connection: RawConnection, address: Address, copying: bool = False) -> int:
    """The version of the archive, 0 if there is none; of a newer one that serves this version, this version."""
    version = connection.get_server_version()
    if version.major < OLDEST_VERSION:
        raise too_old(address, version.major)
    ((encoding, schema, is_read_only, has_tables, is_copying, backend),) = await connection.fetch(STATE)
    if backend != connection.get_server_pid():  # A pool is between them.
        await _demand_prepared_statements(connection, address)
    if is_copying and not copying:
        raise DatabaseUnreachable(
            f"An archive was being copied into {address}, and the copy is not finished. Run the same copy again."
        )
    if encoding != "UTF8":
        raise wrong_encoding(address, encoding)
    if schema is None:
        raise DatabaseUnreachable(
            f"{address} has no schema that its search_path names. Create one, or change the path."
        )
    found = await version_of(connection)
    if found == 0 and has_tables:
        raise DatabaseForeign(f"{address} is the database of another program. Name another database.")
    if found > latest():
        if await oldest_served(connection) <= latest():
            return latest()
        raise DatabaseNewer(
            f"{address} has version {found}, but this Proxygraph only knows versions up to {latest()}. "
            "Upgrade Proxygraph, or name another database."
        )
    if found < latest() and is_read_only:
        raise DatabaseReadOnly(f"{address} has to be created or migrated, but it can only be read. Name the primary.")
    return found


async def _demand_prepared_statements(connection: RawConnection, address: Address) -> None:
    """Raises DatabaseUnreachable if a pool loses the connection's prepared statements between transactions.

    The statement is prepared, and run again, while another transaction holds another connection of the server. Between
    two such transactions, and after them, the pool may run it on either one.
    """
    other = await connect(address)
    try:
        async with other.transaction():
            await other.execute("SELECT 1")
            statement = await connection.prepare("SELECT 1")
            await statement.fetchval()
        async with other.transaction():
            await other.execute("SELECT 1")
            await statement.fetchval()
        await statement.fetchval()
    except LOST_STATEMENTS as error:
        raise DatabaseUnreachable(POOL_LOSES_STATEMENTS.format(address=address)) from error
    finally:
        await close(other)


def _explained(error: BaseException, address: Address) -> BaseException:
    if isinstance(error, LOST_STATEMENTS):
        return DatabaseUnreachable(POOL_LOSES_STATEMENTS.format(address=address))
    return unreachable(error, address) if is_gone(error) else explained_write(error, address)
