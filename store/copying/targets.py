"""The target of a copy: an empty archive of the other engine, which nobody can open before the copy is complete.

Until then a file has another name, and a database of PostgreSQL has a table that says so.
"""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from store.copying.database_targets import opened_database
from store.copying.file_targets import opened_file
from store.copying.progress import Target
from store.engine.database import Database


def opened(target: Database) -> AbstractAsyncContextManager[Target]:
    """The target, created if it doesn't exist, to the end of the block. Raises a DatabaseError if it can't be used."""
    return opened_file(target) if isinstance(target, Path) else opened_database(target)
