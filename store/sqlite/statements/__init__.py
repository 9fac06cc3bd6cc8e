"""SQLite's statements: lookups, pages, counts, and rows written as JSON."""
