"""The errors of the store, as one tree.

StoreError                    any of the below; its text is one whole sentence
├── DatabaseError             the database can't be used; it was left unchanged
│   ├── DatabaseForeign       another program's database, or no database
│   ├── DatabaseNewer         a later version of Proxygraph wrote it
│   ├── DatabaseLocked        another process has locked it
│   ├── DatabaseReadOnly      it, or its folder, can't be written
│   ├── DatabaseCorrupt       SQLite finds it damaged
│   ├── DatabaseFull          its disk is full
│   ├── DatabaseUnreachable   its folder is missing, or it is no file
│   ├── DatabaseOccupied      it has rows that demo rows must not be mixed with
│   ├── CopyDamaged           a copy of it is not whole, or was made of a damaged file
│   ├── RestoreRefused        a backup is not restored there as things are
│   ├── CopyRefused           an archive is not copied there as things are
│   └── CopyInterrupted       a copy was stopped by another of these errors, and can be continued
├── BackupRunning             another process is making a backup of the database
├── BackupRefused             a backup can't have this name
├── SyncAlreadyRunning        another process is syncing the archive
├── SyncSuperseded            another process has begun a sync, since this one lost its lock
├── KeyNameTaken              the archive has, or had, a key with this name
├── OutOfBudget               a request is over a limit
│   ├── OutOfStatements       it ran the maximum number of statements
│   └── OutOfTime             it ran for the maximum time and was interrupted
├── Unavailable               the database's server can't be reached now, or doesn't answer
├── ReadFailed                a statement of a plan failed; the ordinary path gives the details
├── WriteFailed               a statement of a write failed, and the transaction with it
├── BodyRejected              a REST body lacks its SID or a parent's SID
├── SnapshotExpired           an export read one state of the archive for the longest time that it may
└── SearchTooLong             a search without an index took too long and was stopped
"""


class StoreError(Exception):
    """Any error of the store; ``str()`` of it is a sentence for people."""


class DatabaseError(StoreError):
    """The database file can't be used; it was left unchanged."""


class DatabaseForeign(DatabaseError):
    """The file is not a Proxygraph archive."""


class DatabaseNewer(DatabaseError):
    """The file was written by a later version."""


class DatabaseLocked(DatabaseError):
    """Another process has locked the file."""


class DatabaseReadOnly(DatabaseError):
    """The file or its folder can't be written."""


class DatabaseCorrupt(DatabaseError):
    """SQLite finds the file damaged."""


class DatabaseFull(DatabaseError):
    """The disk that holds the file is full."""


class DatabaseUnreachable(DatabaseError):
    """The file's folder is missing, or the path is no file."""


class DatabaseOccupied(DatabaseError):
    """The file has rows that demo rows must not be mixed with."""


class CopyDamaged(DatabaseError):
    """A copy of the file is not whole, or was made of a damaged file."""


class RestoreRefused(DatabaseError):
    """A backup is not restored there as things are."""


class CopyRefused(DatabaseError):
    """An archive is not copied there as things are."""


class CopyInterrupted(DatabaseError):
    """A copy was stopped by another error, and can be continued."""


class BackupRunning(StoreError):
    """Another process is making a backup of the database."""


class BackupRefused(StoreError):
    """A backup can't have this name."""


class SyncAlreadyRunning(StoreError):
    """Another process is syncing the archive."""


class SyncSuperseded(StoreError):
    """The sync lost its lock, or another one has begun since; it may not write any more."""


class KeyNameTaken(StoreError):
    """The archive has, or had, a key with this name."""


class OutOfBudget(StoreError):
    """A request is over a limit."""


class OutOfStatements(OutOfBudget):
    """A request ran the maximum number of statements."""


class OutOfTime(OutOfBudget):
    """A request ran for the maximum time."""


class Unavailable(StoreError):
    """The database's server can't be reached now, or doesn't answer."""


class ReadFailed(StoreError):
    """A statement of a plan failed."""


class WriteFailed(StoreError):
    """A statement of a write failed, and the transaction with it."""


class BodyRejected(StoreError):
    """A REST body lacks its SID or a parent's SID."""


class SearchTooLong(StoreError):
    """A search was stopped at its time limit."""


class SnapshotExpired(StoreError):
    """An export read one state of the archive for the longest time that it may."""
