"""Everything the store can refuse, as one tree.

StoreError                    any of the below; its text is one whole sentence
├── DatabaseError             the file can't be used, and was not touched
│   ├── DatabaseForeign       it belongs to something else, or is no database
│   ├── DatabaseNewer         a later Proxygraph wrote it
│   ├── DatabaseLocked        another process holds it
│   ├── DatabaseReadOnly      it, or its folder, can't be written
│   ├── DatabaseCorrupt       SQLite finds it damaged
│   ├── DatabaseUnreachable   its folder is missing, or it is no file
│   └── DatabaseOccupied      it holds something that made-up rows must not be mixed with
├── KeyNameTaken              a key of that name was made before
├── OutOfBudget               a request has read all that it may
│   ├── OutOfStatements       it ran as many statements as it may
│   └── OutOfTime             it took as long as it may; what ran was interrupted
├── ReadFailed                SQLite refused a statement of a plan; the ordinary path tells more
├── BodyRejected              a REST body without what a row can't do without
└── SearchTooLong             a read that no index serves took too long, and was stopped
"""


class StoreError(Exception):
    """Any refusal of the store; ``str()`` of it is a sentence for people."""


class DatabaseError(StoreError):
    """The database file can't be used; nothing was written to it."""


class DatabaseForeign(DatabaseError):
    """The file is not a Proxygraph archive."""


class DatabaseNewer(DatabaseError):
    """The file was written by a later version."""


class DatabaseLocked(DatabaseError):
    """Another process holds the file."""


class DatabaseReadOnly(DatabaseError):
    """The file or its folder can't be written."""


class DatabaseCorrupt(DatabaseError):
    """SQLite finds the file damaged."""


class DatabaseUnreachable(DatabaseError):
    """There is no place to keep the file."""


class DatabaseOccupied(DatabaseError):
    """The file holds something that made-up rows must not be mixed with."""


class KeyNameTaken(StoreError):
    """A key of that name was made before."""


class OutOfBudget(StoreError):
    """A request has read all that it may."""


class OutOfStatements(OutOfBudget):
    """A request has run as many statements as it may."""


class OutOfTime(OutOfBudget):
    """A request has taken as long as it may."""


class ReadFailed(StoreError):
    """SQLite refused a statement of a plan."""


class BodyRejected(StoreError):
    """A REST body lacks what a row can't do without: its SID or a parent's."""


class SearchTooLong(StoreError):
    """A search was stopped at its time limit."""
