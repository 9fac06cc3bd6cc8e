"""Queries: records by their SIDs, pages of lists and counts, and the change feed; how records are written."""
