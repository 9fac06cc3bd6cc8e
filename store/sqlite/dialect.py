"""SQLite's dialect of SQL."""


class SQLiteDialect:
    """Writes the SQL that engines write differently for SQLite (store/engine/sql.py)."""

    name = "sqlite"

    def values(self, array: str) -> str:
        """By json_each (https://www.sqlite.org/json1.html#jeach)."""
        return f"SELECT value FROM json_each({array})"

    def pairs(self, mapping: str) -> str:
        """By json_each."""
        return f"SELECT key, value FROM json_each({mapping})"

    def rows(self, array: str, *columns: str) -> str:
        """By json_each, and ``->>`` for each column."""
        values = ", ".join(f"value ->> {number} AS {column}" for number, column in enumerate(columns))
        return f"SELECT {values} FROM json_each({array})"

    def greatest(self, *expressions: str) -> str:
        """By max, which compares its arguments where it has several."""
        return f"max({', '.join(expressions)})"

    def least(self, *expressions: str) -> str:
        """By min, which compares its arguments where it has several."""
        return f"min({', '.join(expressions)})"

    def contains(self, text: str, part: str) -> str:
        """By instr; SQLite's lower() changes only ASCII letters."""
        return f"(instr(lower({text}), lower({part})) > 0)"


DIALECT = SQLiteDialect()
"""The one dialect of SQLite."""
