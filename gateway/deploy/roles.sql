-- Roles of least rights for an archive in PostgreSQL, beside the role that owns it. Run it as a superuser in the archive's
-- database, once the archive is there; it may be run again at any time:
--   psql --dbname=proxygraph --file=roles.sql
--   psql --dbname=proxygraph --command='\password proxygraph_writer'
--
-- proxygraph_writer: serve, sync, keys, erase. It reads and changes rows; it makes, alters and drops nothing.
-- proxygraph_reader: status, ledger, export, keys list, and replicas. It reads all but the hashes of keys.
-- The owner migrates (any command with its URL does, for example status), and rewrites tables after an erasure.
\set ON_ERROR_STOP on
\set QUIET on

SELECT pg_get_userbyid(relowner) AS owner, relnamespace::regnamespace AS schema, current_database() AS database
FROM pg_class WHERE oid = 'archive'::regclass \gset

SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY['proxygraph_writer', 'proxygraph_reader']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE proxygraph_reader SET default_transaction_read_only = on;

-- Nobody else connects, makes temporary tables, or makes anything in the archive's schema.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE CREATE ON SCHEMA :schema FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"owner", proxygraph_writer, proxygraph_reader;
GRANT USAGE ON SCHEMA :schema TO proxygraph_writer, proxygraph_reader;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA :schema TO proxygraph_writer;
REVOKE INSERT, UPDATE, DELETE ON migration FROM proxygraph_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA :schema TO proxygraph_reader;
REVOKE SELECT ON access_key FROM proxygraph_reader;
GRANT SELECT (name, scopes, created_at, expires_at, revoked_at, last_used_at) ON access_key TO proxygraph_reader;

-- The same for tables that later migrations make.
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :schema
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO proxygraph_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :schema
  GRANT SELECT ON TABLES TO proxygraph_reader;
