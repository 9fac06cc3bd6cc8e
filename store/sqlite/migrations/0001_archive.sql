-- The archive: Twilio's resources under Twilio's names, the deletion ledger, and what is known of the file.

CREATE TABLE archive (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  data_version INTEGER NOT NULL,
  demo TEXT
) STRICT;
INSERT INTO archive VALUES (1, 0, NULL);

CREATE TABLE service (
  sid TEXT NOT NULL PRIMARY KEY,
  account_sid TEXT NOT NULL,
  unique_name TEXT,
  chat_instance_sid TEXT,
  callback_url TEXT,
  intercept_callback_url TEXT,
  out_of_session_callback_url TEXT,
  default_ttl INTEGER,
  geo_match_level TEXT,
  number_selection_behavior TEXT,
  date_created TEXT NOT NULL,
  date_updated TEXT NOT NULL,
  url TEXT,
  extra TEXT
) STRICT;
CREATE INDEX service_by_date ON service (date_created, sid);

CREATE TABLE session (
  sid TEXT NOT NULL PRIMARY KEY,
  service_sid TEXT NOT NULL REFERENCES service (sid) ON DELETE CASCADE,
  account_sid TEXT NOT NULL,
  unique_name TEXT,
  status TEXT,
  closed_reason TEXT,
  mode TEXT,
  ttl INTEGER,
  date_started TEXT,
  date_ended TEXT,
  date_last_interaction TEXT,
  date_expiry TEXT,
  date_created TEXT NOT NULL,
  date_updated TEXT NOT NULL,
  url TEXT,
  archived_at TEXT,
  extra TEXT
) STRICT;
CREATE INDEX session_by_date ON session (date_created, sid);
CREATE INDEX session_by_service ON session (service_sid, date_created, sid);

CREATE TABLE participant (
  sid TEXT NOT NULL PRIMARY KEY,
  session_sid TEXT NOT NULL REFERENCES session (sid) ON DELETE CASCADE,
  service_sid TEXT NOT NULL,
  account_sid TEXT NOT NULL,
  friendly_name TEXT,
  identifier TEXT,
  proxy_identifier TEXT,
  proxy_identifier_sid TEXT,
  date_deleted TEXT,
  date_created TEXT NOT NULL,
  date_updated TEXT NOT NULL,
  url TEXT,
  extra TEXT
) STRICT;
CREATE INDEX participant_by_session ON participant (session_sid, date_created, sid);

CREATE TABLE interaction (
  sid TEXT NOT NULL PRIMARY KEY,
  session_sid TEXT NOT NULL REFERENCES session (sid) ON DELETE CASCADE,
  service_sid TEXT NOT NULL,
  account_sid TEXT NOT NULL,
  type TEXT NOT NULL,
  data TEXT,
  body TEXT,
  duration_seconds INTEGER,
  inbound_participant_sid TEXT,
  inbound_resource_sid TEXT,
  inbound_resource_status TEXT,
  inbound_resource_type TEXT,
  inbound_resource_url TEXT,
  outbound_participant_sid TEXT,
  outbound_resource_sid TEXT,
  outbound_resource_status TEXT,
  outbound_resource_type TEXT,
  outbound_resource_url TEXT,
  date_created TEXT NOT NULL,
  date_updated TEXT NOT NULL,
  url TEXT,
  extra TEXT
) STRICT;
CREATE INDEX interaction_by_date ON interaction (date_created, sid);
CREATE INDEX interaction_by_service ON interaction (service_sid, date_created, sid);
CREATE INDEX interaction_by_session ON interaction (session_sid, date_created, sid);
CREATE INDEX interaction_by_inbound_participant
  ON interaction (inbound_participant_sid, date_created, sid) WHERE inbound_participant_sid IS NOT NULL;
CREATE INDEX interaction_by_outbound_participant
  ON interaction (outbound_participant_sid, date_created, sid) WHERE outbound_participant_sid IS NOT NULL;

-- What was erased, without a word of its content. A row here keeps its sid out of the archive for good.
CREATE TABLE deletion (
  sid TEXT NOT NULL PRIMARY KEY,
  session_sid TEXT NOT NULL,
  service_sid TEXT NOT NULL,
  account_sid TEXT NOT NULL,
  inbound_resource_sid TEXT,
  inbound_resource_type TEXT,
  outbound_resource_sid TEXT,
  outbound_resource_type TEXT,
  requested_by TEXT NOT NULL,
  intended_at TEXT NOT NULL,
  erased_at TEXT,
  closed_at TEXT
) STRICT;
CREATE INDEX deletion_unfinished ON deletion (sid) WHERE closed_at IS NULL;

CREATE TRIGGER deleted_interaction_stays_out BEFORE INSERT ON interaction
WHEN EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = NEW.sid)
BEGIN
  SELECT RAISE(IGNORE);
END;
