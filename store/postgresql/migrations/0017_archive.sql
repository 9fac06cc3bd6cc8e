-- The archive as SQLite's migrations 1 to 17 make it: the same tables and columns, triggers with the same promises,
-- and an index for each purpose. Texts are compared by their bytes (COLLATE "C"), instants are texts of one width,
-- flags are booleans.
--
-- Columns with content have no statistics, because ANALYZE would copy some of their values into pg_statistic, which no
-- erasure reaches.

CREATE TABLE archive (
  only_row integer CONSTRAINT archive_pkey PRIMARY KEY CHECK (only_row = 1),
  data_version bigint NOT NULL,
  demo text COLLATE "C",
  account_sid text COLLATE "C",
  last_callback_at text COLLATE "C"
) WITH (fillfactor = 10);

CREATE TABLE service (
  sid text COLLATE "C" CONSTRAINT service_pkey PRIMARY KEY,
  account_sid text COLLATE "C" NOT NULL,
  unique_name text COLLATE "C",
  chat_instance_sid text COLLATE "C",
  callback_url text COLLATE "C",
  intercept_callback_url text COLLATE "C",
  out_of_session_callback_url text COLLATE "C",
  default_ttl bigint,
  geo_match_level text COLLATE "C",
  number_selection_behavior text COLLATE "C",
  date_created text COLLATE "C" NOT NULL,
  date_updated text COLLATE "C" NOT NULL,
  url text COLLATE "C",
  extra text COLLATE "C"
);
ALTER TABLE service
  ALTER COLUMN unique_name SET STATISTICS 0,
  ALTER COLUMN extra SET STATISTICS 0;
CREATE INDEX service_by_date ON service (date_created, sid);

CREATE TABLE session (
  sid text COLLATE "C" CONSTRAINT session_pkey PRIMARY KEY,
  service_sid text COLLATE "C" NOT NULL CONSTRAINT session_service_sid_fkey REFERENCES service (sid) ON DELETE CASCADE,
  account_sid text COLLATE "C" NOT NULL,
  unique_name text COLLATE "C",
  status text COLLATE "C",
  closed_reason text COLLATE "C",
  mode text COLLATE "C",
  ttl bigint,
  date_started text COLLATE "C",
  date_ended text COLLATE "C",
  date_last_interaction text COLLATE "C",
  date_expiry text COLLATE "C",
  date_created text COLLATE "C" NOT NULL,
  date_updated text COLLATE "C" NOT NULL,
  url text COLLATE "C",
  archived_at text COLLATE "C",
  extra text COLLATE "C",
  kind bigint,
  kept_at text COLLATE "C"
);
ALTER TABLE session
  ALTER COLUMN unique_name SET STATISTICS 0,
  ALTER COLUMN closed_reason SET STATISTICS 0,
  ALTER COLUMN extra SET STATISTICS 0;
CREATE INDEX session_by_date ON session (date_created, sid);
CREATE INDEX session_by_service ON session (service_sid, date_created, sid);
CREATE INDEX session_by_unique_name ON session (unique_name) WHERE unique_name IS NOT NULL;
CREATE INDEX session_by_kind ON session (kind, date_created, sid) INCLUDE (date_last_interaction);
CREATE INDEX session_by_kind_updated ON session (kind, date_updated, sid) INCLUDE (date_created, date_last_interaction);
CREATE INDEX session_by_kind_last_interaction
  ON session (kind, (coalesce(date_last_interaction, '0000-00-00T00:00:00.000Z')), sid)
  INCLUDE (date_created, date_last_interaction);

CREATE TABLE participant (
  sid text COLLATE "C" CONSTRAINT participant_pkey PRIMARY KEY,
  session_sid text COLLATE "C" NOT NULL
    CONSTRAINT participant_session_sid_fkey REFERENCES session (sid) ON DELETE CASCADE,
  service_sid text COLLATE "C" NOT NULL,
  account_sid text COLLATE "C" NOT NULL,
  friendly_name text COLLATE "C",
  identifier text COLLATE "C",
  proxy_identifier text COLLATE "C",
  proxy_identifier_sid text COLLATE "C",
  date_deleted text COLLATE "C",
  date_created text COLLATE "C" NOT NULL,
  date_updated text COLLATE "C" NOT NULL,
  url text COLLATE "C",
  extra text COLLATE "C",
  kind bigint,
  person bigint
);
ALTER TABLE participant
  ALTER COLUMN friendly_name SET STATISTICS 0,
  ALTER COLUMN identifier SET STATISTICS 0,
  ALTER COLUMN proxy_identifier SET STATISTICS 0,
  ALTER COLUMN proxy_identifier_sid SET STATISTICS 0,
  ALTER COLUMN extra SET STATISTICS 0;
CREATE INDEX participant_by_session ON participant (session_sid, date_created, sid);
CREATE INDEX participant_by_kind ON participant (kind, date_created, sid);
CREATE INDEX participant_by_kind_updated ON participant (kind, date_updated, sid);
CREATE INDEX participant_by_identifier
  ON participant (identifier, kind, date_created, sid) WHERE identifier IS NOT NULL;
CREATE INDEX participant_by_identifier_updated
  ON participant (identifier, kind, date_updated, sid) WHERE identifier IS NOT NULL;
CREATE INDEX participant_by_proxy_identifier
  ON participant (proxy_identifier, kind, date_created, sid) WHERE proxy_identifier IS NOT NULL;
CREATE INDEX participant_by_proxy_identifier_updated
  ON participant (proxy_identifier, kind, date_updated, sid) WHERE proxy_identifier IS NOT NULL;
CREATE INDEX participant_by_friendly_name
  ON participant (friendly_name, kind, date_created, sid) WHERE friendly_name IS NOT NULL;
CREATE INDEX participant_by_friendly_name_updated
  ON participant (friendly_name, kind, date_updated, sid) WHERE friendly_name IS NOT NULL;
CREATE INDEX participant_by_person ON participant (person) WHERE person IS NOT NULL;

CREATE TABLE interaction (
  sid text COLLATE "C" CONSTRAINT interaction_pkey PRIMARY KEY,
  session_sid text COLLATE "C" NOT NULL
    CONSTRAINT interaction_session_sid_fkey REFERENCES session (sid) ON DELETE CASCADE,
  service_sid text COLLATE "C" NOT NULL,
  account_sid text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  data text COLLATE "C",
  body text COLLATE "C",
  duration_seconds bigint,
  inbound_participant_sid text COLLATE "C",
  inbound_resource_sid text COLLATE "C",
  inbound_resource_status text COLLATE "C",
  inbound_resource_type text COLLATE "C",
  inbound_resource_url text COLLATE "C",
  outbound_participant_sid text COLLATE "C",
  outbound_resource_sid text COLLATE "C",
  outbound_resource_status text COLLATE "C",
  outbound_resource_type text COLLATE "C",
  outbound_resource_url text COLLATE "C",
  date_created text COLLATE "C" NOT NULL,
  date_updated text COLLATE "C" NOT NULL,
  url text COLLATE "C",
  extra text COLLATE "C",
  kind bigint,
  plain boolean,
  kept_at text COLLATE "C",
  inbound_person bigint,
  outbound_person bigint
);
ALTER TABLE interaction
  ALTER COLUMN data SET STATISTICS 0,
  ALTER COLUMN body SET STATISTICS 0,
  ALTER COLUMN extra SET STATISTICS 0;
CREATE INDEX interaction_by_date ON interaction (date_created, sid);
CREATE INDEX interaction_by_service ON interaction (service_sid, date_created, sid);
CREATE INDEX interaction_by_session ON interaction (session_sid, date_created, sid);
CREATE INDEX interaction_by_inbound_participant
  ON interaction (inbound_participant_sid, date_created, sid) WHERE inbound_participant_sid IS NOT NULL;
CREATE INDEX interaction_by_outbound_participant
  ON interaction (outbound_participant_sid, date_created, sid) WHERE outbound_participant_sid IS NOT NULL;
CREATE INDEX interaction_by_kind ON interaction (kind, date_created, sid);
CREATE INDEX interaction_by_kind_updated ON interaction (kind, date_updated, sid) INCLUDE (date_created);
CREATE INDEX interaction_by_inbound_resource
  ON interaction (inbound_resource_sid) WHERE inbound_resource_sid IS NOT NULL;
CREATE INDEX interaction_by_outbound_resource
  ON interaction (outbound_resource_sid) WHERE outbound_resource_sid IS NOT NULL;
CREATE INDEX interaction_by_inbound_person
  ON interaction (inbound_person, kind, date_created, sid) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_inbound_person_updated
  ON interaction (inbound_person, kind, date_updated, sid) INCLUDE (date_created) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person
  ON interaction (outbound_person, kind, date_created, sid) INCLUDE (inbound_person) WHERE outbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person_updated
  ON interaction (outbound_person, kind, date_updated, sid) INCLUDE (date_created) WHERE outbound_person IS NOT NULL;
CREATE INDEX interaction_by_inbound_person_any
  ON interaction (inbound_person, date_created, sid) INCLUDE (kind) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_inbound_person_any_updated
  ON interaction (inbound_person, date_updated, sid) INCLUDE (kind, date_created) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person_any
  ON interaction (outbound_person, date_created, sid) INCLUDE (kind) WHERE outbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person_any_updated
  ON interaction (outbound_person, date_updated, sid) INCLUDE (kind, date_created) WHERE outbound_person IS NOT NULL;

-- The combinations of facets that rows have (store/lists/facets.py).
CREATE TABLE session_kind (
  id bigint PRIMARY KEY,
  service_sid text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  mode text COLLATE "C" NOT NULL,
  UNIQUE (service_sid, status, mode)
);
CREATE TABLE participant_kind (
  id bigint PRIMARY KEY,
  service_sid text COLLATE "C" NOT NULL,
  date_deleted text COLLATE "C" NOT NULL,
  UNIQUE (service_sid, date_deleted)
);
CREATE TABLE interaction_kind (
  id bigint PRIMARY KEY,
  service_sid text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  inbound_resource_status text COLLATE "C" NOT NULL,
  outbound_resource_status text COLLATE "C" NOT NULL,
  lag bigint NOT NULL,
  UNIQUE (service_sid, type, inbound_resource_status, outbound_resource_status, lag)
);

-- The sessions of each person, with the columns that sessions are filtered and ordered by.
CREATE TABLE session_person (
  person bigint NOT NULL,
  sid text COLLATE "C" NOT NULL REFERENCES session (sid) ON DELETE CASCADE,
  kind bigint,
  date_created text COLLATE "C" NOT NULL,
  date_updated text COLLATE "C" NOT NULL,
  date_last_interaction text COLLATE "C",
  PRIMARY KEY (sid, person)
);
CREATE INDEX session_person_by_kind
  ON session_person (person, kind, date_created, sid) INCLUDE (date_last_interaction);
CREATE INDEX session_person_by_kind_updated
  ON session_person (person, kind, date_updated, sid) INCLUDE (date_created, date_last_interaction);
CREATE INDEX session_person_by_kind_last_interaction
  ON session_person (person, kind, (coalesce(date_last_interaction, '0000-00-00T00:00:00.000Z')), sid)
  INCLUDE (date_created, date_last_interaction);

-- What was erased, without a word of its content. A row here keeps its sid out of the archive for good.
CREATE TABLE deletion (
  sid text COLLATE "C" PRIMARY KEY,
  session_sid text COLLATE "C" NOT NULL,
  service_sid text COLLATE "C" NOT NULL,
  account_sid text COLLATE "C" NOT NULL,
  inbound_resource_sid text COLLATE "C",
  inbound_resource_type text COLLATE "C",
  outbound_resource_sid text COLLATE "C",
  outbound_resource_type text COLLATE "C",
  requested_by text COLLATE "C" NOT NULL,
  intended_at text COLLATE "C" NOT NULL,
  erased_at text COLLATE "C",
  closed_at text COLLATE "C",
  at_twilio bigint NOT NULL DEFAULT 0,
  waits_for text COLLATE "C",
  twilio text COLLATE "C"
);
CREATE INDEX deletion_unfinished ON deletion (sid) WHERE closed_at IS NULL;

-- The Message and Call records that Twilio was asked to delete, and what became of each.
CREATE TABLE twilio_record (
  sid text COLLATE "C" PRIMARY KEY,
  interaction_sid text COLLATE "C" NOT NULL,
  account_sid text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  requested_by text COLLATE "C" NOT NULL,
  requested_at text COLLATE "C" NOT NULL,
  tried_at text COLLATE "C"
);
CREATE INDEX twilio_record_by_interaction ON twilio_record (interaction_sid);
CREATE INDEX twilio_record_open ON twilio_record (sid) WHERE state IN ('REQUESTED', 'INCOMPLETE', 'PENDING');

-- Erasure on request: cases, their runs and what each selected; known legal holds.
CREATE TABLE erasure_case (
  reference text COLLATE "C" PRIMARY KEY,
  account_sid text COLLATE "C",
  begun_at text COLLATE "C" NOT NULL
);
CREATE TABLE erasure_run (
  id bigint PRIMARY KEY,
  reference text COLLATE "C" NOT NULL REFERENCES erasure_case (reference),
  requested_by text COLLATE "C" NOT NULL,
  question text COLLATE "C" NOT NULL,
  options text COLLATE "C" NOT NULL,
  begun_at text COLLATE "C" NOT NULL,
  ended_at text COLLATE "C"
);
CREATE TABLE erasure_case_item (
  reference text COLLATE "C" NOT NULL REFERENCES erasure_case (reference),
  sid text COLLATE "C" NOT NULL,
  run bigint NOT NULL,
  outcome text COLLATE "C",
  reason text COLLATE "C",
  at text COLLATE "C",
  PRIMARY KEY (reference, sid)
);
CREATE INDEX erasure_case_item_open ON erasure_case_item (reference, sid) WHERE outcome IS DISTINCT FROM 'ERASED';
CREATE TABLE legal_hold (
  sid text COLLATE "C" PRIMARY KEY,
  noted_at text COLLATE "C" NOT NULL
);

-- What the mirror of Twilio needs to know: what was read and listed, what could not be read, how each run went.
CREATE TABLE session_read (
  session_sid text COLLATE "C" PRIMARY KEY REFERENCES session (sid) ON DELETE CASCADE,
  read_at text COLLATE "C" NOT NULL,
  unconfirmed boolean NOT NULL DEFAULT FALSE
);
CREATE TABLE session_listed (
  session_sid text COLLATE "C" PRIMARY KEY,
  run bigint NOT NULL,
  listed_at text COLLATE "C" NOT NULL
);
CREATE TABLE service_sync (
  service_sid text COLLATE "C" PRIMARY KEY REFERENCES service (sid) ON DELETE CASCADE,
  completed_at text COLLATE "C",
  sessions_pending bigint NOT NULL DEFAULT 0
);
CREATE TABLE left_out (
  sid text COLLATE "C" PRIMARY KEY,
  service_sid text COLLATE "C" NOT NULL,
  since text COLLATE "C" NOT NULL,
  error text COLLATE "C" NOT NULL
);
CREATE TABLE sync_run (
  number bigint PRIMARY KEY,
  mode text COLLATE "C" NOT NULL,
  started_at text COLLATE "C" NOT NULL,
  alive_at text COLLATE "C" NOT NULL,
  finished_at text COLLATE "C",
  outcome text COLLATE "C",
  error text COLLATE "C",
  sessions_pending bigint NOT NULL DEFAULT 0,
  services bigint NOT NULL DEFAULT 0,
  sessions bigint NOT NULL DEFAULT 0,
  interactions bigint NOT NULL DEFAULT 0,
  new bigint NOT NULL DEFAULT 0,
  changed bigint NOT NULL DEFAULT 0,
  unchanged bigint NOT NULL DEFAULT 0,
  archived bigint NOT NULL DEFAULT 0,
  erased bigint NOT NULL DEFAULT 0,
  requests bigint NOT NULL DEFAULT 0,
  retries bigint NOT NULL DEFAULT 0,
  partial boolean NOT NULL DEFAULT FALSE,
  left_out bigint NOT NULL DEFAULT 0
);

-- The keys that clients show, by their hashes alone.
CREATE TABLE access_key (
  name text COLLATE "C" PRIMARY KEY,
  hash text COLLATE "C" NOT NULL UNIQUE,
  scopes text COLLATE "C" NOT NULL,
  created_at text COLLATE "C" NOT NULL,
  expires_at text COLLATE "C",
  revoked_at text COLLATE "C",
  last_used_at text COLLATE "C"
);

-- The backups that were made of this archive, so that whoever erases knows which copies there are.
CREATE TABLE backup (
  number bigint PRIMARY KEY,
  path text COLLATE "C" NOT NULL,
  begun_at text COLLATE "C" NOT NULL,
  finished_at text COLLATE "C",
  bytes bigint,
  services bigint,
  sessions bigint,
  participants bigint,
  interactions bigint
);
CREATE INDEX backup_by_path ON backup (path);

-- What Twilio's callbacks brought: rows that the API hasn't confirmed yet, and sessions to read soon.
CREATE TABLE callback_row (
  sid text COLLATE "C" PRIMARY KEY,
  session_sid text COLLATE "C",
  received_at text COLLATE "C" NOT NULL,
  is_only boolean NOT NULL
);
CREATE INDEX callback_row_by_session ON callback_row (session_sid) WHERE session_sid IS NOT NULL;
CREATE TABLE callback_session (
  session_sid text COLLATE "C" PRIMARY KEY REFERENCES session (sid) ON DELETE CASCADE,
  service_sid text COLLATE "C" NOT NULL,
  reports bigint NOT NULL DEFAULT 1,
  due_at text COLLATE "C" NOT NULL,
  leased_until text COLLATE "C" NOT NULL DEFAULT '',
  failures bigint NOT NULL DEFAULT 0
);
CREATE INDEX callback_session_by_due ON callback_session (due_at);

-- The change feed. Triggers write it, so no writer can forget it. An entry has SIDs and a time, and no content.
-- Numbers are in the order of the commits. The steps between them are random, so that a cursor shows whether its change
-- belongs to this database: after an older copy was put in its place, later changes get different numbers.
CREATE TABLE change (
  number bigint PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  sid text COLLATE "C" NOT NULL,
  service_sid text COLLATE "C" NOT NULL,
  session_sid text COLLATE "C",
  at text COLLATE "C" NOT NULL
);
CREATE INDEX change_by_type ON change (type, kind, number);
CREATE INDEX change_by_session ON change (session_sid, number) WHERE session_sid IS NOT NULL;
CREATE TABLE change_feed (
  epoch text COLLATE "C" NOT NULL,
  dropped bigint NOT NULL
);


-- Random bits: the first and the last eight digits of a random UUID have no fixed ones.
CREATE FUNCTION random_bits() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT left(uuid, 8) || right(uuid, 8) FROM (SELECT gen_random_uuid()::text AS uuid) AS drawn;
$$;
INSERT INTO archive (only_row, data_version) VALUES (1, ('x' || random_bits())::bit(64)::bigint);
INSERT INTO change_feed (epoch, dropped) VALUES (random_bits(), 0);

-- The data version is a new random number with each write that can change an answer, whoever writes, so that it never
-- repeats, also after a backup is restored or a standby has taken over. Servers that listen hear of the commit.
CREATE FUNCTION answers_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM changed) THEN
    UPDATE archive SET data_version = ('x' || random_bits())::bit(64)::bigint;
    PERFORM pg_notify('proxygraph', '');
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER service_inserted AFTER INSERT ON service REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER service_updated AFTER UPDATE ON service REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER service_deleted AFTER DELETE ON service REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_inserted AFTER INSERT ON session REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_updated AFTER UPDATE ON session REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_deleted AFTER DELETE ON session REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER participant_inserted AFTER INSERT ON participant REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER participant_updated AFTER UPDATE ON participant REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER participant_deleted AFTER DELETE ON participant REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER interaction_inserted AFTER INSERT ON interaction REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER interaction_updated AFTER UPDATE ON interaction REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER interaction_deleted AFTER DELETE ON interaction REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_kind_inserted AFTER INSERT ON session_kind REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_kind_updated AFTER UPDATE ON session_kind REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_kind_deleted AFTER DELETE ON session_kind REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER participant_kind_inserted AFTER INSERT ON participant_kind REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER participant_kind_updated AFTER UPDATE ON participant_kind REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER participant_kind_deleted AFTER DELETE ON participant_kind REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER interaction_kind_inserted AFTER INSERT ON interaction_kind REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER interaction_kind_updated AFTER UPDATE ON interaction_kind REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER interaction_kind_deleted AFTER DELETE ON interaction_kind REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_person_inserted AFTER INSERT ON session_person REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_person_updated AFTER UPDATE ON session_person REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE TRIGGER session_person_deleted AFTER DELETE ON session_person REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION answers_change();
CREATE FUNCTION sync_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('proxygraph', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER sync_run_is_told AFTER INSERT OR UPDATE ON sync_run
  FOR EACH STATEMENT EXECUTE FUNCTION sync_is_told();


-- The number of the last change, the random step to the next one, and the time as the archive writes times. The lock is
-- that of the archive's writers (store/postgresql/writer.py), so every program that writes waits for its turn.
CREATE FUNCTION last_change() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1350064487);
  RETURN (SELECT greatest(dropped, coalesce((SELECT max(number) FROM change), 0)) FROM change_feed);
END
$$;
CREATE FUNCTION change_step() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT 1 + floor(random() * 1048576)::bigint;
$$;
CREATE FUNCTION time_of_change() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
$$;
CREATE FUNCTION service_created_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'CREATED', 'SERVICE',
      sid, sid, NULL, time_of_change()
    FROM new_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER service_created_is_a_change AFTER INSERT ON service
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION service_created_is_a_change();
CREATE FUNCTION service_updated_is_a_change() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ORDER BY place), kind, 'SERVICE',
      sid, sid, NULL, time_of_change()
    FROM (
      SELECT new_rows.sid, new_rows.place,
        'UPDATED' AS kind
      FROM (SELECT *, row_number() OVER () AS place FROM new_rows) AS new_rows JOIN old_rows USING (sid)
      WHERE (
          new_rows.date_created, new_rows.account_sid, new_rows.unique_name, new_rows.chat_instance_sid,
          new_rows.callback_url, new_rows.intercept_callback_url, new_rows.out_of_session_callback_url,
          new_rows.default_ttl, new_rows.geo_match_level, new_rows.number_selection_behavior, new_rows.date_updated,
          new_rows.url
        ) IS DISTINCT FROM (
          old_rows.date_created, old_rows.account_sid, old_rows.unique_name, old_rows.chat_instance_sid,
          old_rows.callback_url, old_rows.intercept_callback_url, old_rows.out_of_session_callback_url,
          old_rows.default_ttl, old_rows.geo_match_level, old_rows.number_selection_behavior, old_rows.date_updated,
          old_rows.url
        )
    ) AS updated;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER service_updated_is_a_change AFTER UPDATE ON service
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION service_updated_is_a_change();
CREATE FUNCTION service_deleted_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM old_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'ERASED', 'SERVICE',
      sid, sid, NULL, time_of_change()
    FROM old_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER service_deleted_is_a_change AFTER DELETE ON service
  REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION service_deleted_is_a_change();
CREATE FUNCTION session_created_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'CREATED', 'SESSION',
      sid, service_sid, sid, time_of_change()
    FROM new_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER session_created_is_a_change AFTER INSERT ON session
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION session_created_is_a_change();
CREATE FUNCTION session_updated_is_a_change() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ORDER BY place), kind, 'SESSION',
      sid, service_sid, sid, time_of_change()
    FROM (
      SELECT new_rows.sid, new_rows.service_sid, new_rows.place,
        CASE WHEN old_rows.archived_at IS NULL AND new_rows.archived_at IS NOT NULL THEN 'ARCHIVED' ELSE 'UPDATED' END
          AS kind
      FROM (SELECT *, row_number() OVER () AS place FROM new_rows) AS new_rows JOIN old_rows USING (sid)
      WHERE (
          new_rows.date_created, new_rows.service_sid, new_rows.account_sid, new_rows.unique_name, new_rows.status,
          new_rows.closed_reason, new_rows.mode, new_rows.ttl, new_rows.date_started, new_rows.date_ended,
          new_rows.date_last_interaction, new_rows.date_expiry, new_rows.date_updated, new_rows.url,
          new_rows.archived_at, new_rows.kept_at
        ) IS DISTINCT FROM (
          old_rows.date_created, old_rows.service_sid, old_rows.account_sid, old_rows.unique_name, old_rows.status,
          old_rows.closed_reason, old_rows.mode, old_rows.ttl, old_rows.date_started, old_rows.date_ended,
          old_rows.date_last_interaction, old_rows.date_expiry, old_rows.date_updated, old_rows.url,
          old_rows.archived_at, old_rows.kept_at
        )
    ) AS updated;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER session_updated_is_a_change AFTER UPDATE ON session
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION session_updated_is_a_change();
CREATE FUNCTION session_deleted_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM old_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'ERASED', 'SESSION',
      sid, service_sid, sid, time_of_change()
    FROM old_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER session_deleted_is_a_change AFTER DELETE ON session
  REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION session_deleted_is_a_change();
CREATE FUNCTION participant_created_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'CREATED', 'PARTICIPANT',
      sid, service_sid, session_sid, time_of_change()
    FROM new_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER participant_created_is_a_change AFTER INSERT ON participant
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION participant_created_is_a_change();
CREATE FUNCTION participant_updated_is_a_change() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ORDER BY place), kind, 'PARTICIPANT',
      sid, service_sid, session_sid, time_of_change()
    FROM (
      SELECT new_rows.sid, new_rows.service_sid, new_rows.session_sid, new_rows.place,
        CASE WHEN
        coalesce(old_rows.friendly_name, old_rows.identifier, old_rows.proxy_identifier, old_rows.proxy_identifier_sid,
          old_rows.extra) IS NOT NULL
        AND coalesce(new_rows.friendly_name, new_rows.identifier, new_rows.proxy_identifier,
          new_rows.proxy_identifier_sid, new_rows.extra) IS NULL
        AND EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = new_rows.sid)
      THEN 'ERASED' ELSE 'UPDATED' END AS kind
      FROM (SELECT *, row_number() OVER () AS place FROM new_rows) AS new_rows JOIN old_rows USING (sid)
      WHERE (
          new_rows.date_created, new_rows.session_sid, new_rows.service_sid, new_rows.account_sid,
          new_rows.friendly_name, new_rows.identifier, new_rows.proxy_identifier, new_rows.proxy_identifier_sid,
          new_rows.date_deleted, new_rows.date_updated, new_rows.url
        ) IS DISTINCT FROM (
          old_rows.date_created, old_rows.session_sid, old_rows.service_sid, old_rows.account_sid,
          old_rows.friendly_name, old_rows.identifier, old_rows.proxy_identifier, old_rows.proxy_identifier_sid,
          old_rows.date_deleted, old_rows.date_updated, old_rows.url
        )
    ) AS updated;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER participant_updated_is_a_change AFTER UPDATE ON participant
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION participant_updated_is_a_change();
CREATE FUNCTION participant_deleted_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM old_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'ERASED', 'PARTICIPANT',
      sid, service_sid, session_sid, time_of_change()
    FROM old_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER participant_deleted_is_a_change AFTER DELETE ON participant
  REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION participant_deleted_is_a_change();
CREATE FUNCTION interaction_created_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'CREATED', 'INTERACTION',
      sid, service_sid, session_sid, time_of_change()
    FROM new_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER interaction_created_is_a_change AFTER INSERT ON interaction
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION interaction_created_is_a_change();
CREATE FUNCTION interaction_updated_is_a_change() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ORDER BY place), kind, 'INTERACTION',
      sid, service_sid, session_sid, time_of_change()
    FROM (
      SELECT new_rows.sid, new_rows.service_sid, new_rows.session_sid, new_rows.place,
        'UPDATED' AS kind
      FROM (SELECT *, row_number() OVER () AS place FROM new_rows) AS new_rows JOIN old_rows USING (sid)
      WHERE (
          new_rows.date_created, new_rows.session_sid, new_rows.service_sid, new_rows.account_sid, new_rows.type,
          new_rows.data, new_rows.body, new_rows.duration_seconds, new_rows.inbound_participant_sid,
          new_rows.inbound_resource_sid, new_rows.inbound_resource_status, new_rows.inbound_resource_type,
          new_rows.inbound_resource_url, new_rows.outbound_participant_sid, new_rows.outbound_resource_sid,
          new_rows.outbound_resource_status, new_rows.outbound_resource_type, new_rows.outbound_resource_url,
          new_rows.date_updated, new_rows.url, new_rows.kept_at
        ) IS DISTINCT FROM (
          old_rows.date_created, old_rows.session_sid, old_rows.service_sid, old_rows.account_sid, old_rows.type,
          old_rows.data, old_rows.body, old_rows.duration_seconds, old_rows.inbound_participant_sid,
          old_rows.inbound_resource_sid, old_rows.inbound_resource_status, old_rows.inbound_resource_type,
          old_rows.inbound_resource_url, old_rows.outbound_participant_sid, old_rows.outbound_resource_sid,
          old_rows.outbound_resource_status, old_rows.outbound_resource_type, old_rows.outbound_resource_url,
          old_rows.date_updated, old_rows.url, old_rows.kept_at
        )
    ) AS updated;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER interaction_updated_is_a_change AFTER UPDATE ON interaction
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION interaction_updated_is_a_change();
CREATE FUNCTION interaction_deleted_is_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last_number bigint;
BEGIN
  IF EXISTS (SELECT FROM old_rows) THEN
    last_number := last_change();
    INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
    SELECT last_number + sum(change_step()) OVER (ROWS UNBOUNDED PRECEDING), 'ERASED', 'INTERACTION',
      sid, service_sid, session_sid, time_of_change()
    FROM old_rows;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER interaction_deleted_is_a_change AFTER DELETE ON interaction
  REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION interaction_deleted_is_a_change();

-- What was deleted stays out; an erased participant keeps its SID, and never gets back what names the person.
CREATE FUNCTION deleted_row_stays_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM deletion WHERE deletion.sid = NEW.sid) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER deleted_interaction_stays_out BEFORE INSERT ON interaction
  FOR EACH ROW EXECUTE FUNCTION deleted_row_stays_out();
CREATE TRIGGER deleted_session_stays_out BEFORE INSERT ON session
  FOR EACH ROW EXECUTE FUNCTION deleted_row_stays_out();
CREATE TRIGGER erased_participant_is_not_inserted_whole BEFORE INSERT ON participant FOR EACH ROW
  WHEN (coalesce(NEW.friendly_name, NEW.identifier, NEW.proxy_identifier, NEW.proxy_identifier_sid, NEW.extra)
    IS NOT NULL)
  EXECUTE FUNCTION deleted_row_stays_out();
CREATE TRIGGER erased_participant_is_not_filled_again BEFORE UPDATE ON participant FOR EACH ROW
  WHEN (coalesce(NEW.friendly_name, NEW.identifier, NEW.proxy_identifier, NEW.proxy_identifier_sid, NEW.extra)
    IS NOT NULL)
  EXECUTE FUNCTION deleted_row_stays_out();


-- A participant that is new, or whose identifier changes, gets the person's number of those with the same identifier,
-- or else a new one. The writer sets it by itself; these triggers set it for every other write.
CREATE FUNCTION participant_gets_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.identifier IS NULL THEN
    NEW.person := NULL;
  ELSE
    NEW.person := coalesce(
      (SELECT person FROM participant WHERE identifier = NEW.identifier AND sid <> NEW.sid LIMIT 1),
      (SELECT max(person) + 1 FROM participant WHERE person IS NOT NULL),
      1
    );
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER participant_has_person BEFORE INSERT ON participant FOR EACH ROW
  WHEN (NEW.identifier IS NOT NULL AND NEW.person IS NULL)
  EXECUTE FUNCTION participant_gets_person();
CREATE TRIGGER participant_changes_person BEFORE UPDATE OF identifier ON participant FOR EACH ROW
  WHEN (NEW.identifier IS DISTINCT FROM OLD.identifier AND NEW.person IS NOT DISTINCT FROM OLD.person)
  EXECUTE FUNCTION participant_gets_person();

-- A person's sessions and interactions are kept up to date, whichever of the rows is written first. The functions look
-- rows up one by one: the connection would keep a join's plan even after the table has grown. They look before
-- an UPDATE, since one that finds nothing would still run the triggers of its table.
CREATE FUNCTION interactions_follow(of_participant text, new_person bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM interaction
    WHERE inbound_participant_sid = of_participant AND inbound_person IS DISTINCT FROM new_person
  ) THEN
    UPDATE interaction SET inbound_person = new_person
    WHERE inbound_participant_sid = of_participant AND inbound_person IS DISTINCT FROM new_person;
  END IF;
  IF EXISTS (
    SELECT FROM interaction
    WHERE outbound_participant_sid = of_participant AND outbound_person IS DISTINCT FROM new_person
  ) THEN
    UPDATE interaction SET outbound_person = new_person
    WHERE outbound_participant_sid = of_participant AND outbound_person IS DISTINCT FROM new_person;
  END IF;
END
$$;
CREATE FUNCTION session_gains_person(gaining text, gained bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO session_person (person, sid, kind, date_created, date_updated, date_last_interaction)
  SELECT gained, sid, kind, date_created, date_updated, date_last_interaction FROM session
  WHERE sid = gaining AND gained IS NOT NULL ON CONFLICT DO NOTHING;
END
$$;
CREATE FUNCTION session_loses_person(losing text, lost bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM session_person WHERE sid = losing AND person = lost
    AND NOT EXISTS (SELECT 1 FROM participant WHERE session_sid = losing AND participant.person = lost);
END
$$;
CREATE FUNCTION new_person_is_followed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  new_row record;
BEGIN
  FOR new_row IN SELECT sid, person FROM new_rows WHERE person IS NOT NULL LOOP
    PERFORM interactions_follow(new_row.sid, new_row.person);
  END LOOP;
  INSERT INTO session_person (person, sid, kind, date_created, date_updated, date_last_interaction)
  SELECT person, joined.* FROM new_rows CROSS JOIN LATERAL (
    SELECT sid, kind, date_created, date_updated, date_last_interaction FROM session
    WHERE session.sid = new_rows.session_sid OFFSET 0
  ) AS joined WHERE person IS NOT NULL ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
CREATE TRIGGER new_person_is_followed AFTER INSERT ON participant REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION new_person_is_followed();
CREATE FUNCTION person_is_followed() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
  moved record;
BEGIN
  FOR moved IN
    SELECT sid, old_rows.person AS old_person, old_rows.session_sid AS old_session, new_rows.person,
      new_rows.session_sid
    FROM new_rows JOIN old_rows USING (sid)
    WHERE (new_rows.person, new_rows.session_sid) IS DISTINCT FROM (old_rows.person, old_rows.session_sid)
  LOOP
    PERFORM interactions_follow(moved.sid, moved.person);
    PERFORM session_loses_person(moved.old_session, moved.old_person);
    PERFORM session_gains_person(moved.session_sid, moved.person);
  END LOOP;
  RETURN NULL;
END
$$;
CREATE TRIGGER person_is_followed AFTER UPDATE ON participant
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION person_is_followed();
CREATE FUNCTION participant_leaves_person() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row record;
BEGIN
  FOR old_row IN SELECT sid, session_sid, person FROM old_rows WHERE person IS NOT NULL LOOP
    PERFORM interactions_follow(old_row.sid, NULL);
    PERFORM session_loses_person(old_row.session_sid, old_row.person);
  END LOOP;
  RETURN NULL;
END
$$;
CREATE TRIGGER participant_leaves_person AFTER DELETE ON participant REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION participant_leaves_person();
CREATE FUNCTION session_is_followed() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
  moved record;
BEGIN
  FOR moved IN
    SELECT sid, new_rows.kind, new_rows.date_created, new_rows.date_updated, new_rows.date_last_interaction
    FROM new_rows JOIN old_rows USING (sid)
    WHERE (new_rows.kind, new_rows.date_created, new_rows.date_updated, new_rows.date_last_interaction)
      IS DISTINCT FROM (old_rows.kind, old_rows.date_created, old_rows.date_updated, old_rows.date_last_interaction)
  LOOP
    UPDATE session_person SET kind = moved.kind, date_created = moved.date_created, date_updated = moved.date_updated,
      date_last_interaction = moved.date_last_interaction WHERE sid = moved.sid;
  END LOOP;
  RETURN NULL;
END
$$;
CREATE TRIGGER session_is_followed AFTER UPDATE ON session
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION session_is_followed();


-- A row that is gone needs no confirmation.
CREATE FUNCTION row_leaves_callback_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM callback_row WHERE sid IN (SELECT sid FROM old_rows);
  RETURN NULL;
END
$$;
CREATE TRIGGER service_leaves_callback_row AFTER DELETE ON service REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION row_leaves_callback_row();
CREATE TRIGGER session_leaves_callback_row AFTER DELETE ON session REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION row_leaves_callback_row();
CREATE TRIGGER interaction_leaves_callback_row AFTER DELETE ON interaction REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION row_leaves_callback_row();
