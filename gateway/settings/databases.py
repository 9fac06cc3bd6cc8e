"""The types of settings that name a database, or standbys of it."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import PlainValidator
from pydantic_settings import NoDecode

from store.engine.database import EXPECTED, Address, AddressRefused, database_of
from store.engine.database import Database as AnyDatabase


def _database(given: object) -> AnyDatabase:
    """The database that a setting names. Raises AddressRefused."""
    if isinstance(given, Path | Address):
        return given
    if not isinstance(given, str):
        raise AddressRefused(f"{EXPECTED}, but got no text.")
    return database_of(given)


def _replicas(given: object) -> tuple[Address, ...] | None:
    """The replicas that a setting names, in a list or in one text. Raises AddressRefused."""
    urls = re.split(r"[\s,]+(?=postgres(?:ql)?://)", given.strip()) if isinstance(given, str) else given
    if urls is None:
        return None
    if not isinstance(urls, list | tuple):
        raise AddressRefused("Expected URLs that begin with postgresql://, but got no text.")
    found = [_database(url) for url in urls if url]
    return tuple([each if isinstance(each, Address) else _no_replica(each) for each in found])


def _no_replica(path: Path) -> Address:
    raise AddressRefused(f"Expected a URL that begins with postgresql://, but got {str(path)!r}.")


ARCHIVE = "The archive: the path of SQLite's file, or the URL of a database, postgresql://USER@HOST/NAME."
Database = Annotated[AnyDatabase, NoDecode, PlainValidator(_database)]
ReplicaAddresses = Annotated[tuple[Address, ...] | None, NoDecode, PlainValidator(_replicas)]
