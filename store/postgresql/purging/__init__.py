"""Removes what was erased from PostgreSQL's files: first from the tables, then from the write-ahead log."""
