"""Exports: all rows of a list, read from one snapshot; the engine writes each row in the export's format."""
