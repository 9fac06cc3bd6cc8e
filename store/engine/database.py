"""Where an archive is: the path of a file for SQLite, or the address of a database of PostgreSQL."""

import re
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from store.errors import DatabaseUnreachable

SCHEMES = ("postgresql", "postgres")
EXPECTED = "Expected the path of a file or a URL that begins with postgresql://"
KEYWORDS = re.compile(r"\s*(host|hostaddr|port|dbname|user|password|passfile|service)\s*=")
"""How addresses in libpq's keyword form begin, which are not URLs."""


NOT_ENCODED = (
    "Expected a URL of PostgreSQL, in which a /, ?, #, @ or : of a password is written as %2F, %3F, %23, %40 or %3A, "
    "but got one that can't be read."
)
"""The message quotes nothing of the URL: what looks like a host or a database may be a part of the password."""
PORT = re.compile(r"(\[[^]]*\]|[^:]*)(:\d*)?")
"""A host, with or without a port."""


class AddressRefused(ValueError):
    """The text isn't the address of a database. Its own text is a whole sentence, without a password."""


class Address(NamedTuple):
    """The address of a database of PostgreSQL, as its URL (https://www.postgresql.org/docs/current/libpq-connect.html).

    ``str()`` of it has no password, so it can be shown.
    """

    url: str

    def __str__(self) -> str:
        return shown(self.url)

    def __repr__(self) -> str:
        return f"Address({shown(self.url)!r})"

    @property
    def name(self) -> str:
        """The name of the database."""
        return unquote(urlsplit(self.url).path.lstrip("/"))

    @property
    def servers(self) -> str:
        """The hosts and ports that it names, for example ``db1:5432``."""
        parts = urlsplit(self.url)
        named = dict(parse_qsl(parts.query))
        return parts.netloc.rpartition("@")[2] or ":".join([named[name] for name in ("host", "port") if name in named])


Database: TypeAlias = Path | Address
"""A file of SQLite, or an address of PostgreSQL."""


class Replicas(NamedTuple):
    """The standbys at which operations read; one is left out while it is more than ``lag`` seconds behind."""

    addresses: tuple[Address, ...] = ()
    lag: float = 1.0


NO_REPLICAS = Replicas()


def file_in(database: Database) -> Path:
    """The database's file. Raises DatabaseUnreachable for a database of PostgreSQL, which isn't a file."""
    if isinstance(database, Path):
        return database
    raise DatabaseUnreachable(f"Expected the path of a file, but got {database}.")


def database_of(text: str) -> Database:
    """The database that ``text`` names: by the URL of a database of PostgreSQL, or else by the path of a file.

    Raises AddressRefused for an empty text, another form of address, or a URL without the name of a database.
    """
    if not text:
        raise AddressRefused(f"{EXPECTED}, but got an empty text.")
    if KEYWORDS.match(text):
        raise AddressRefused(f"{EXPECTED}, but got keywords and values.")
    scheme, separator, _ = text.partition("://")
    if not separator:
        if text.partition(":")[0].lower() in SCHEMES:
            raise AddressRefused(f"{EXPECTED}, but got one without //.")
        return Path(text)
    if scheme.lower() not in SCHEMES:
        raise AddressRefused(f"{EXPECTED}, but got one of {scheme}://.")
    address = Address(text)
    try:
        is_readable, name = _is_encoded(text), address.name
    except ValueError:
        is_readable, name = False, ""
    if not is_readable:
        raise AddressRefused(NOT_ENCODED)
    if not name:
        raise AddressRefused(f"Expected the name of a database at the end of the URL, but got none in {address}.")
    return address


def _is_encoded(url: str) -> bool:
    """Whether the URL's parts end where its author meant: else an unencoded character of a password has ended one."""
    parts = urlsplit(url)
    names = [pair.partition("=")[0] for pair in parts.query.split("&")]
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return "@" not in "".join([parts.path, *names]) and "#" not in url and all(map(PORT.fullmatch, hosts))


def text_with_password(database: Database) -> str:
    """A text of which ``database_of`` makes that database in another process. It has the password: never show it."""
    return database.url if isinstance(database, Address) else str(database)


def shown(url: str) -> str:
    """The URL without a password, neither before the host nor among the parameters."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    query = "&".join(each for each in parts.query.split("&") if each and each.partition("=")[0] not in HIDDEN)
    return urlunsplit((parts.scheme, f"{user.partition(':')[0]}{at}{host}", parts.path, query, ""))


HIDDEN = frozenset({"password", "sslpassword", "passfile"})
"""The parameters of a URL that are never shown."""
