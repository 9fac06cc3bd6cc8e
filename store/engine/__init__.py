"""The seam between the archive and its engine: how SQL differs, where a database is, and what an engine provides."""
