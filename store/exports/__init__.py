"""Exports: all rows of a list, read from one snapshot of the archive; SQLite writes each row in the export's format."""
