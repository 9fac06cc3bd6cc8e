"""SQLite's statements of compiled plans: rows written as JSON."""
