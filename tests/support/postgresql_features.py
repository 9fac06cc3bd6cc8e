"""What a build of PostgreSQL may lack: those of PyPI have neither TLS nor the extensions of its contrib packages."""

import pytest

from postgresql import cluster

TLS = "TLS"
EXTENSIONS = "pg_stat_statements"
QUERIES = {
    TLS: "SHOW ssl_library",
    EXTENSIONS: f"SELECT name FROM pg_available_extensions WHERE name = '{EXTENSIONS}'",
}


def needs(feature: str) -> None:
    """Skips the test if the installed PostgreSQL lacks ``feature``: TLS, or EXTENSIONS."""
    with cluster() as running:
        if not running.sql(QUERIES[feature]):
            pytest.skip(f"This PostgreSQL was built without {feature}. Debian's has it: apt-get install postgresql")
