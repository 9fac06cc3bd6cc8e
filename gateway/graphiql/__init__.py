"""GraphiQL, the page for exploring the schema: as built at installation, or else from a CDN."""

from gateway.graphiql import built, cdn
from gateway.graphiql.queries import FIRST_QUERY

__all__ = ["FIRST_QUERY", "HEADERS", "NOT_BUILT", "PAGE"]

_BUILT = built.page()

PAGE = _BUILT or cdn.PAGE
HEADERS = built.HEADERS if _BUILT else cdn.HEADERS
NOT_BUILT = None if _BUILT else built.reason() or "the installation left it out."
"""Why the page comes from a CDN; None if it doesn't."""
