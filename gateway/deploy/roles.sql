-- Roles for an archive in PostgreSQL: the rights of its owner, and two more roles of least rights. Run it as a superuser
-- in the archive's database, once the archive is there. It may be run again at any time:
--   psql --dbname=proxygraph --file=gateway/deploy/roles.sql
--   psql --dbname=proxygraph --command='\password proxygraph_writer'
--   psql --dbname=proxygraph --command='\password proxygraph_reader'
--
-- The owner: at least one server. It migrates the archive, and removes the bytes of what was erased.
-- proxygraph_writer: serve, sync, keys, erase. It reads and changes rows; it makes, alters and drops nothing.
-- proxygraph_reader: status, ledger, export, keys list, and replicas. It reads everything except the hashes of keys.
\set ON_ERROR_STOP on
\set QUIET on

SELECT pg_get_userbyid(relowner) AS owner, relnamespace::regnamespace AS schema, current_database() AS database
FROM pg_class WHERE oid = 'archive'::regclass \gset

SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY['proxygraph_writer', 'proxygraph_reader']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE proxygraph_reader SET default_transaction_read_only = on;

-- To remove bytes, the owner must see PostgreSQL's log and its standbys, make checkpoints, and switch to a new log file.
-- On a standby its server does the first two by the role that --replica names, which may be the reader.
GRANT pg_monitor, pg_checkpoint TO :"owner", proxygraph_reader;
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO :"owner";

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
