"""PostgreSQL's errors as errors of the store: whole sentences, without a password and without what a row contains."""

import ssl

import asyncpg
from asyncpg import exceptions

from store.engine.database import Address, AddressRefused
from store.errors import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseUnreachable,
    OutOfTime,
    ReadFailed,
    StoreError,
    Unavailable,
    WriteFailed,
)
from store.postgresql.addresses import unreadable_files
from store.postgresql.several_hosts import NoPrimary

OLDEST_VERSION = 15
FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where a connection or a statement fails."""
GONE = (
    exceptions.PostgresConnectionError,  # Class 08: the connection failed, or isn't there.
    exceptions.OperatorInterventionError,  # Class 57: the server shuts down, starts, or recovers.
    exceptions.TooManyConnectionsError,
    exceptions.SerializationError,  # A recovery conflict: the standby had to remove rows that this statement read.
    asyncpg.InterfaceError,  # asyncpg closed the connection after another call's error.
    asyncpg.InternalClientError,  # The server ended the session while it was idle.
    OSError,
    TimeoutError,
)


REASONS: dict[type[BaseException], str] = {
    exceptions.InvalidPasswordError: (
        "the server refused the password. Give the right one in the URL, in PGPASSWORD or in the password file."
    ),
    exceptions.InvalidAuthorizationSpecificationError: (
        "the server refused the connection ({message}). Check the user, TLS and pg_hba.conf."
    ),
    exceptions.InvalidCatalogNameError: "there is no such database. Create it first, for example by createdb.",
    exceptions.InsufficientPrivilegeError: "the role may not do this ({message}). Grant it, or use another role.",
    exceptions.TooManyConnectionsError: (
        "the server has no connection left. Raise its max_connections, or run fewer servers."
    ),
    exceptions.CannotConnectNowError: "the server is starting up or shutting down. Try again.",
    asyncpg.PostgresError: "the server answered: {message}.",
    asyncpg.TargetServerAttributeNotMatched: "no host in it is such a server as target_session_attrs says.",
    ValueError: "the URL, or a variable or a file that asyncpg reads beside it, is not valid.",
    TimeoutError: "the server doesn't answer. Check the host, the port, and any firewall.",
}
"""Why a connection couldn't be opened, by the type of the error. The first type that matches counts."""

LOST_STATEMENTS = (exceptions.InvalidSQLStatementNameError, exceptions.DuplicatePreparedStatementError)
"""The errors of prepared statements behind a pool that gives each transaction another connection of the server."""
POOL_LOSES_STATEMENTS = (
    "{address} is that of a connection pool which loses prepared statements. Use PgBouncer 1.21 or newer with "
    "max_prepared_statements, or pool_mode = session."
)


def is_gone(error: BaseException) -> bool:
    """Whether the server is gone, doesn't answer, or has no connection left. Then another host may answer."""
    # For a value of the wrong type, asyncpg raises an InterfaceError that is a ValueError too.
    return isinstance(error, GONE) and not isinstance(error, ValueError)


def unreachable(error: BaseException, address: Address) -> DatabaseError:
    """The error of a connection that couldn't be opened."""
    return DatabaseUnreachable(f"{address} can't be used: {_why_unreachable(error, address)}")


def _why_unreachable(error: BaseException, address: Address) -> str:
    if isinstance(error, (AddressRefused, NoPrimary)):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'no reason given'}). Check sslmode and sslrootcert."
    if "rejected SSL upgrade" in str(error):
        return "the server doesn't offer TLS. Set it up there, or change sslmode."
    if isinstance(error, exceptions.ClientConfigurationError) and "root certificate" in str(error):
        return f"the {_message(error)}. Name it by sslrootcert."
    if isinstance(error, FileNotFoundError | PermissionError) and (names := unreadable_files(address)):
        return f"the file that {names[0]} names can't be read."
    for kind, sentence in REASONS.items():
        if isinstance(error, kind):
            return sentence.format(message=_message(error))
    if isinstance(error, OSError):
        return f"no server answers there ({error.strerror or 'refused'}). Check the host and the port."
    return f"the connection failed ({type(error).__name__})."


def explained_write(error: BaseException, address: Address) -> StoreError:
    """The store's error for an error of asyncpg's during a write."""
    match error:
        case StoreError():
            return error
        case exceptions.LockNotAvailableError():
            return DatabaseLocked(f"{address} is being written by another process. Try again.")
        case exceptions.ReadOnlySQLTransactionError():
            return read_only(address)
        case exceptions.InsufficientPrivilegeError():
            return DatabaseReadOnly(
                f"The role can't write {address} ({_message(error)}). Grant it, or use another role."
            )
        case exceptions.DiskFullError():
            return DatabaseFull(f"The disk of {address} is full. Make room on it.")
        case exceptions.DataCorruptedError() | exceptions.IndexCorruptedError():
            return DatabaseCorrupt(f"PostgreSQL finds {address} damaged. The server's log says where.")
        case exceptions.InvalidSQLStatementNameError() | exceptions.DuplicatePreparedStatementError():
            return WriteFailed(POOL_LOSES_STATEMENTS.format(address=address))
        case _ if is_gone(error):
            return unavailable(address)
        case _:
            return WriteFailed(f"A statement failed: {_kind(error)}.")


def read_only(address: Address) -> DatabaseError:
    """The error of a write to a standby, or to a database that was made read-only."""
    return DatabaseReadOnly(f"{address} can only be read: it is a standby, or was made read-only. Name the primary.")


def explained_read(error: BaseException, address: Address) -> StoreError:
    """The store's error for an error of asyncpg's during a read."""
    match error:
        case StoreError():
            return error
        case exceptions.QueryCanceledError():
            return OutOfTime()
        case exceptions.InvalidSQLStatementNameError() | exceptions.DuplicatePreparedStatementError():
            return ReadFailed(POOL_LOSES_STATEMENTS.format(address=address))
        case _ if is_gone(error):
            return unavailable(address)
        case _:
            return ReadFailed(f"A statement failed: {_kind(error)}.")


def unavailable(address: Address) -> Unavailable:
    """The error of a server that was reached before, and can't be now."""
    return Unavailable(f"{address} can't be reached now. Try again.")


def too_old(address: Address, version: int) -> DatabaseError:
    """The error of a server whose version isn't supported."""
    return DatabaseUnreachable(
        f"{address} is of PostgreSQL {version}, but Proxygraph needs {OLDEST_VERSION} or newer. Upgrade the server."
    )


def wrong_encoding(address: Address, encoding: str) -> DatabaseError:
    """The error of a database that can't keep every text."""
    return DatabaseUnreachable(
        f"{address} has the encoding {encoding}, but Proxygraph needs UTF8. Create a database with ENCODING 'UTF8'."
    )


def _kind(error: BaseException) -> str:
    # Neither the message nor the details, which can quote a row's values.
    state, constraint = getattr(error, "sqlstate", None), getattr(error, "constraint_name", None)
    return " ".join(str(part) for part in (type(error).__name__, state, constraint) if part)


def _message(error: BaseException) -> str:
    # The server's own line, for example of a missing right; details, which can quote a row's values, are left out.
    return str(error.args[0] if error.args else type(error).__name__).splitlines()[0].rstrip(".")
