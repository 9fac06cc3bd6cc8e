"""Queries of records: lookups by SID, pages of lists, and counts."""
