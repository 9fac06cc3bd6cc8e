"""GraphiQL, the page to explore the schema with: the one that was built at installation, or else one from a CDN."""

from gateway.graphiql import built, cdn
from gateway.graphiql.queries import FIRST_QUERY

__all__ = ["FIRST_QUERY", "HEADERS", "NOT_BUILT", "PAGE"]

_BUILT = built.page()

PAGE = _BUILT or cdn.PAGE
HEADERS = built.HEADERS if _BUILT else cdn.HEADERS
NOT_BUILT = None if _BUILT else built.reason() or "it was left out when the project was installed."
"""Why the page comes from a CDN; None where it does not."""
