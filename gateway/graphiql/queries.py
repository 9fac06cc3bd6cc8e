"""The queries that GraphiQL opens on, which are files beside the page's sources."""

from pathlib import Path

FOLDER = Path(__file__).parent / "page" / "queries"

FIRST_QUERY = (FOLDER / "WhoSpokeToWhom.graphql").read_text("utf-8")
"""The one to begin with where there is room for one; it needs no variables."""
