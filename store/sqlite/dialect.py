"""SQLite's dialect of SQL."""

from typing import Any

from store.lists.dialect import ListDialect
from store.lists.parent_pages import ListShape, ParentPage, count_shape
from store.lists.relations import Relation
from store.sqlite.lists.access_paths import count_sql, list_sql


class SQLiteDialect(ListDialect):
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

    def member(self, document: str, *path: str) -> str:
        """By ``->>`` (https://www.sqlite.org/json1.html#jptr)."""
        steps = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path)
        return f"({document} ->> '${steps}')"

    def greatest(self, *expressions: str) -> str:
        """By max, which compares its arguments where it has several."""
        return f"max({', '.join(expressions)})"

    def least(self, *expressions: str) -> str:
        """By min, which compares its arguments where it has several."""
        return f"min({', '.join(expressions)})"

    def columns_of(self, table: str) -> str:
        """By pragma_table_info."""
        return f"SELECT name FROM pragma_table_info('{table}')"

    def by_index(self, table: str, index: str) -> str:
        """By INDEXED BY (https://www.sqlite.org/lang_indexedby.html)."""
        return f"{table} INDEXED BY {index}"

    def random_digits(self) -> str:
        """By randomblob."""
        return "lower(hex(randomblob(8)))"

    def contains(self, text: str, part: str) -> str:
        """By instr; SQLite's lower() changes only ASCII letters."""
        return f"(instr(lower({text}), lower({part})) > 0)"

    def if_null(self, expression: str, other: str) -> str:
        """By ifnull: SQLite doesn't take coalesce for the same expression as an index has."""
        return f"ifnull({expression}, {other})"

    def days_between(self, first: str, second: str) -> str:
        """By julianday (https://www.sqlite.org/lang_datefunc.html)."""
        return f"julianday({second}) - julianday({first})"

    def differ(self, columns: str, others: str) -> str:
        """By IS NOT: SQLite before 3.39 has no IS DISTINCT FROM."""
        return f"({columns}) IS NOT ({others})"

    def is_plain(self, *columns: str) -> str:
        """By comparing what json_quote writes of all texts."""
        whole = " || ".join(f"nullif({column}, '')" for column in columns)
        return f"json_quote({whole}) IS '\"' || {whole} || '\"'"

    def json_value(self, expression: str) -> str:
        """By json_quote."""
        return f"json_quote({expression})"

    def json_array(self, *expressions: str) -> str:
        """By json_array."""
        return f"json_array({', '.join(expressions)})"

    def joined(self, text: str) -> str:
        """By group_concat."""
        return f"group_concat({text})"

    def as_bytes(self, text: str) -> str:
        """By a cast to BLOB."""
        return f"CAST({text} AS BLOB)"

    def list_sql(self, shape: ListShape, columns: str, parent: str) -> str:
        """See store/sqlite/lists/access_paths.py."""
        return list_sql(ParentPage(self, shape, parent), columns)

    def count_sql(self, relation: Relation[Any], active: frozenset[str], parent: str) -> str:
        """See store/sqlite/lists/access_paths.py."""
        return count_sql(ParentPage(self, count_shape(relation, active), parent))


DIALECT = SQLiteDialect()
"""The one dialect of SQLite."""
