"""The queries that GraphiQL opens with. They are files beside the page's sources."""

from pathlib import Path

FOLDER = Path(__file__).parent / "page" / "queries"

FIRST_QUERY = (FOLDER / "WhoSpokeToWhom.graphql").read_text("utf-8")
"""The first query, for pages that show only one; it needs no variables."""
