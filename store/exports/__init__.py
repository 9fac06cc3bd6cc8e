"""Exports: all rows of a list, read from one state of the archive, each written by SQLite in the format wanted."""
