"""What asyncpg needs to connect to an address: its URL with the parameters that asyncpg knows, and settings.

asyncpg takes libpq's URL: hosts separated by commas, TLS (sslmode, sslrootcert, sslcert, sslkey, …), and a password
from the URL, from PGPASSWORD or from the password file. It would pass any other parameter to the server as a setting,
so those that libpq knows and asyncpg doesn't are handled here. Unknown ones are refused, as libpq does.
"""

import os
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from store.engine.database import Address, AddressRefused

CACHED_CHARACTERS = 65_536
"""asyncpg prepares a longer statement anew each time; its default is 15,000. Compiled plans have up to 20,000."""
CONNECT_SECONDS = 10.0
APPLICATION = "proxygraph"
OF_ASYNCPG = frozenset(
    {
        *("host", "port", "dbname", "user", "password", "passfile", "service", "target_session_attrs"),
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
    }
)
"""Parameters of a URL that asyncpg reads."""
FILES = frozenset({"sslcert", "sslkey", "sslrootcert", "sslcrl"})
"""Parameters whose values are paths of files."""
SETTINGS = frozenset({"application_name", "options"})
"""Parameters that are sent to the server."""
WITHOUT_EFFECT = frozenset(
    {
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("client_encoding", "fallback_application_name", "gssencmode", "sslcompression", "sslsni"),
    }
)
"""libpq's parameters that are ignored, since they change nothing that a caller relies on."""


def arguments(address: Address, settings: dict[str, str] | None = None) -> dict[str, Any]:
    """The arguments of ``asyncpg.connect`` for the address; ``settings`` are those of the server for this connection.

    If the URL names several hosts, it connects to the one that is the primary now, unless the URL says otherwise.
    Raises AddressRefused for a parameter that can't be honoured.
    """
    parts = urlsplit(address.url)
    seconds = CONNECT_SECONDS
    kept, sent = [], {"application_name": APPLICATION} | (settings or {})
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in OF_ASYNCPG:
            kept.append((name, value))
        elif name in SETTINGS:
            sent[name] = value
        elif name == "connect_timeout":
            seconds = _seconds(value)
        elif name not in WITHOUT_EFFECT:
            raise AddressRefused(f"Expected parameters of libpq in the URL of {address}, but got {name}. Leave it out.")
    if "," in parts.netloc and "target_session_attrs" not in dict(kept):
        kept.append(("target_session_attrs", "primary"))
    return {
        "dsn": urlunsplit(parts._replace(query=urlencode(kept))),
        "timeout": seconds,
        "server_settings": sent,
        "max_cached_statement_lifetime": 0,
        "statement_cache_size": 128,
        "max_cacheable_statement_size": CACHED_CHARACTERS,
    }


def unreadable_files(address: Address) -> list[str]:
    """The parameters of the URL that name a file for TLS which this process can't read."""
    given = parse_qsl(urlsplit(address.url).query)
    return [name for name, value in given if name in FILES and not os.access(value, os.R_OK)]


def _seconds(value: str) -> float:
    if not value.isdecimal():
        raise AddressRefused(f"Expected whole seconds as connect_timeout, but got {value[:20]!r}.")
    return float(value) or CONNECT_SECONDS
