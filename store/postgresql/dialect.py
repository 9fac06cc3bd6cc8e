"""PostgreSQL's dialect of SQL."""

from typing import Any

from store.lists.dialect import ListDialect
from store.lists.parent_pages import ListShape, count_shape
from store.lists.relations import Relation
from store.postgresql.lists.access_paths import count_sql, list_sql
from store.postgresql.lists.ranges import RangePage


class PostgreSQLDialect(ListDialect):
    """Writes the SQL that engines write differently for PostgreSQL (store/engine/sql.py)."""

    name = "postgresql"

    def values(self, array: str) -> str:
        """By json_array_elements_text (https://www.postgresql.org/docs/current/functions-json.html)."""
        return f"SELECT value FROM json_array_elements_text(CAST({array} AS json)) AS element (value)"

    def pairs(self, mapping: str) -> str:
        """By json_each_text."""
        return f"SELECT key, value FROM json_each_text(CAST({mapping} AS json)) AS pair (key, value)"

    def rows(self, array: str, *columns: str) -> str:
        """By json_array_elements, and ``->>`` for each column."""
        values = ", ".join(f"value ->> {number} AS {column}" for number, column in enumerate(columns))
        return f"SELECT {values} FROM json_array_elements(CAST({array} AS json)) AS element (value)"

    def member(self, document: str, *path: str) -> str:
        """By ``#>>``."""
        return f"(CAST({document} AS json) #>> '{{{','.join(path)}}}')"

    def greatest(self, *expressions: str) -> str:
        """By greatest."""
        return f"greatest({', '.join(expressions)})"

    def least(self, *expressions: str) -> str:
        """By least."""
        return f"least({', '.join(expressions)})"

    def columns_of(self, table: str) -> str:
        """From the catalogue."""
        return (
            "SELECT attname FROM pg_attribute "
            f"WHERE attrelid = CAST('{table}' AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )

    def by_index(self, table: str, index: str) -> str:
        """The table alone: PostgreSQL has no hints."""
        return table

    def random_digits(self) -> str:
        """From a random UUID."""
        return "substr(replace(CAST(gen_random_uuid() AS text), '-', ''), 1, 16)"

    def contains(self, text: str, part: str) -> str:
        """By strpos; in the collation "C", lower() changes only ASCII letters."""
        return f'(strpos(lower({text} COLLATE "C"), lower({part} COLLATE "C")) > 0)'

    def if_null(self, expression: str, other: str) -> str:
        """By coalesce."""
        return f"coalesce({expression}, {other})"

    def days_between(self, first: str, second: str) -> str:
        """By the difference of two timestamps."""
        return f"extract(epoch FROM CAST({second} AS timestamptz) - CAST({first} AS timestamptz)) / 86400"

    def differ(self, columns: str, others: str) -> str:
        """By IS DISTINCT FROM."""
        return f"({columns}) IS DISTINCT FROM ({others})"

    def is_plain(self, *columns: str) -> str:
        """By comparing what to_json writes of all texts."""
        whole = " || ".join(f"nullif({column}, '')" for column in columns)
        return f"coalesce(CAST(to_json({whole}) AS text) = '\"' || {whole} || '\"', FALSE)"

    def json_value(self, expression: str) -> str:
        """By to_json."""
        return f"coalesce(CAST(to_json({expression}) AS text), 'null')"

    def json_array(self, *expressions: str) -> str:
        """By to_json of each: json_build_array takes longer, and writes spaces."""
        values = " || ',' || ".join(self.json_value(expression) for expression in expressions)
        return f"'[' || {values} || ']'"

    def joined(self, text: str) -> str:
        """By string_agg."""
        return f"string_agg({text}, ',')"

    def as_bytes(self, text: str) -> str:
        """By convert_to."""
        return f"convert_to({text}, 'UTF8')"

    def list_sql(self, shape: ListShape, columns: str, parent: str) -> str:
        """See store/postgresql/lists/access_paths.py."""
        return list_sql(RangePage(self, shape, parent), columns)

    def count_sql(self, relation: Relation[Any], active: frozenset[str], parent: str) -> str:
        """See store/postgresql/lists/access_paths.py."""
        return count_sql(RangePage(self, count_shape(relation, active), parent))


DIALECT = PostgreSQLDialect()
"""The one dialect of PostgreSQL."""
