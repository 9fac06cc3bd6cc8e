"""Reads a table's definition from the catalogue, as statements that give a copy of the table the same definition.

``CREATE TABLE … (LIKE … INCLUDING ALL)`` copies columns, defaults, checks and storage. It leaves out foreign keys,
triggers, rights, storage parameters and the statistics targets of columns, and it names indexes by itself.
"""

from typing import NamedTuple

from asyncpg import Connection

CREATE = "CREATE TABLE {copy} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)"
OWNER = """
SELECT 'ALTER TABLE {copy} OWNER TO ' || quote_ident(pg_get_userbyid(relowner))
FROM pg_class WHERE oid = $1::regclass AND pg_get_userbyid(relowner) <> current_user
"""
PARAMETERS = """
SELECT 'ALTER TABLE {copy} SET (' || array_to_string(reloptions, ', ') || ')'
FROM pg_class WHERE oid = $1::regclass AND reloptions IS NOT NULL
"""
COLUMN_STATISTICS = """
SELECT 'ALTER TABLE {copy} ALTER COLUMN ' || quote_ident(attname) || ' SET STATISTICS ' || attstattarget
FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attstattarget >= 0
UNION ALL
SELECT 'ALTER TABLE {copy} ALTER COLUMN ' || quote_ident(attname)
  || ' SET (' || array_to_string(attoptions, ', ') || ')'
FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attoptions IS NOT NULL
"""
RIGHTS = """
SELECT 'GRANT ' || privilege_type || ' ON {copy} TO '
  || CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
  || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_class, aclexplode(relacl) WHERE oid = $1::regclass AND grantee <> relowner
UNION ALL
SELECT 'GRANT ' || privilege_type || ' (' || quote_ident(attname) || ') ON {copy} TO '
  || CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
  || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_attribute, aclexplode(attacl) WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
"""
INDEXES = """
SELECT index_class.relname, indisunique, pg_get_indexdef(indexrelid), conname, contype::text
FROM pg_index JOIN pg_class AS index_class ON index_class.oid = indexrelid
LEFT JOIN pg_constraint ON conindid = indexrelid AND conrelid = indrelid AND contype IN ('p', 'u')
WHERE indrelid = $1::regclass ORDER BY index_class.relname
"""
INDEX_STATISTICS = """
SELECT index_class.relname, attnum, attstattarget
FROM pg_index JOIN pg_class AS index_class ON index_class.oid = indexrelid JOIN pg_attribute ON attrelid = indexrelid
WHERE indrelid = $1::regclass AND attstattarget >= 0 ORDER BY 1, 2
"""
FOREIGN_KEYS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = $1::regclass AND contype = 'f' ORDER BY conname
"""
TRIGGERS = """
SELECT pg_get_triggerdef(oid) FROM pg_trigger
WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgname <> $2 ORDER BY tgname
"""
COLUMNS = """
SELECT attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || attcollation
FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
DEPENDENTS = """
SELECT 'the view ' || pg_rewrite.ev_class::regclass FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid
WHERE classid = 'pg_rewrite'::regclass AND refobjid = $1::regclass AND ev_class <> refobjid
UNION SELECT 'the foreign key ' || conname || ' of ' || conrelid::regclass FROM pg_constraint
WHERE confrelid = $1::regclass AND contype = 'f'
UNION SELECT 'the publication ' || pubname FROM pg_publication JOIN pg_publication_rel ON prpubid = pg_publication.oid
WHERE prrelid = $1::regclass
UNION SELECT 'the policy ' || polname FROM pg_policy WHERE polrelid = $1::regclass
UNION SELECT 'the table ' || inhrelid::regclass || ', which inherits from it' FROM pg_inherits
WHERE inhparent = $1::regclass
ORDER BY 1
"""


class Index(NamedTuple):
    """An index: the statement that makes it on the copy under a temporary name, and those that rename it afterwards."""

    name: str
    new: str
    create: str
    after: list[str]
    """Statements that follow its creation: the statistics targets of its expressions."""
    rename: str
    """After the copy got the table's name: renames the index, or makes it the primary key or unique constraint."""


class Definition(NamedTuple):
    """A table's definition, as statements about its copy."""

    create: list[str]
    """Create the empty copy, with its owner, rights and parameters."""
    indexes: list[Index]
    foreign_keys: list[tuple[str, str]]
    """The name of each, and its definition."""
    triggers: list[str]
    """Create the triggers on the table once the copy has its name."""
    fingerprint: str
    """A text that changes with the table's definition."""


async def dependents(connection: Connection, table: str) -> list[str]:
    """What depends on the table, so that a copy can't replace it: views, foreign keys, publications and so on."""
    return [row[0] for row in await connection.fetch(DEPENDENTS, table)]


async def definition(connection: Connection, table: str, copy: str, excluded_trigger: str) -> Definition:
    """The definition of ``table`` for its ``copy``, without the trigger ``excluded_trigger``."""
    create = [CREATE.format(table=table, copy=copy)]
    for sql in (OWNER, PARAMETERS, COLUMN_STATISTICS, RIGHTS):
        create += [row[0] for row in await connection.fetch(sql.format(copy=copy), table)]
    targets = list(await connection.fetch(INDEX_STATISTICS, table))
    indexes = []
    for name, is_unique, text, constraint, kind in await connection.fetch(INDEXES, table):
        new = f"{name}_of_copy"[-63:]
        unique = "UNIQUE " if is_unique else ""
        _, _, rest = text.partition(" USING ")
        after = [
            f'ALTER INDEX "{new}" ALTER COLUMN {number} SET STATISTICS {target}'
            for index, number, target in targets
            if index == name
        ]
        constrained = "PRIMARY KEY" if kind == "p" else "UNIQUE"
        indexes.append(
            Index(
                name,
                new,
                f'CREATE {unique}INDEX "{new}" ON {copy} USING {rest}',
                after,
                f'ALTER TABLE {table} ADD CONSTRAINT "{constraint}" {constrained} USING INDEX "{new}"'
                if constraint
                else f'ALTER INDEX "{new}" RENAME TO "{name}"',
            )
        )
    foreign_keys = [(row[0], row[1]) for row in await connection.fetch(FOREIGN_KEYS, table)]
    triggers = [row[0] for row in await connection.fetch(TRIGGERS, table, excluded_trigger)]
    columns = [row[0] for row in await connection.fetch(COLUMNS, table)]
    parts = [*columns, *create[1:], *(index.create + index.rename for index in indexes), *map(str, foreign_keys)]
    return Definition(create, indexes, foreign_keys, triggers, "\n".join([*parts, *triggers]))
