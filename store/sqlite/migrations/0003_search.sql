-- What filters and orders are read off: the kind of each row (store/lists/facets.py), and an index for each way in.

CREATE TABLE interaction_kind (
  id INTEGER PRIMARY KEY,
  service_sid TEXT NOT NULL,
  type TEXT NOT NULL,
  inbound_resource_status TEXT NOT NULL,
  outbound_resource_status TEXT NOT NULL,
  lag INTEGER NOT NULL,
  UNIQUE (service_sid, type, inbound_resource_status, outbound_resource_status, lag)
) STRICT;
CREATE TABLE session_kind (
  id INTEGER PRIMARY KEY,
  service_sid TEXT NOT NULL,
  status TEXT NOT NULL,
  mode TEXT NOT NULL,
  UNIQUE (service_sid, status, mode)
) STRICT;

ALTER TABLE interaction ADD COLUMN kind INTEGER;
ALTER TABLE session ADD COLUMN kind INTEGER;

INSERT INTO interaction_kind (service_sid, type, inbound_resource_status, outbound_resource_status, lag)
SELECT DISTINCT service_sid, type, ifnull(inbound_resource_status, ''), ifnull(outbound_resource_status, ''),
  CASE WHEN date_updated < date_created THEN -1
    WHEN julianday(date_updated) - julianday(date_created) < 0.041666666666666664 THEN 0
    WHEN julianday(date_updated) - julianday(date_created) < 1.0 THEN 1
    WHEN julianday(date_updated) - julianday(date_created) < 7.0 THEN 2
    WHEN julianday(date_updated) - julianday(date_created) < 30.0 THEN 3
    WHEN julianday(date_updated) - julianday(date_created) < 365.0 THEN 4 ELSE 5 END
FROM interaction;
UPDATE interaction SET kind = (
  SELECT id FROM interaction_kind WHERE interaction_kind.service_sid = interaction.service_sid
    AND interaction_kind.type = interaction.type
    AND interaction_kind.inbound_resource_status = ifnull(interaction.inbound_resource_status, '')
    AND interaction_kind.outbound_resource_status = ifnull(interaction.outbound_resource_status, '')
    AND lag = CASE WHEN date_updated < date_created THEN -1
      WHEN julianday(date_updated) - julianday(date_created) < 0.041666666666666664 THEN 0
      WHEN julianday(date_updated) - julianday(date_created) < 1.0 THEN 1
      WHEN julianday(date_updated) - julianday(date_created) < 7.0 THEN 2
      WHEN julianday(date_updated) - julianday(date_created) < 30.0 THEN 3
      WHEN julianday(date_updated) - julianday(date_created) < 365.0 THEN 4 ELSE 5 END
);
INSERT INTO session_kind (service_sid, status, mode)
SELECT DISTINCT service_sid, ifnull(status, ''), ifnull(mode, '') FROM session;
UPDATE session SET kind = (
  SELECT id FROM session_kind WHERE session_kind.service_sid = session.service_sid
    AND session_kind.status = ifnull(session.status, '') AND session_kind.mode = ifnull(session.mode, '')
);

CREATE INDEX interaction_by_kind ON interaction (kind, date_created, sid);
CREATE INDEX interaction_by_kind_updated ON interaction (kind, date_updated, sid, date_created);
CREATE INDEX interaction_by_inbound_resource
  ON interaction (inbound_resource_sid) WHERE inbound_resource_sid IS NOT NULL;
CREATE INDEX interaction_by_outbound_resource
  ON interaction (outbound_resource_sid) WHERE outbound_resource_sid IS NOT NULL;

CREATE INDEX session_by_unique_name ON session (unique_name) WHERE unique_name IS NOT NULL;
CREATE INDEX session_by_kind ON session (kind, date_created, sid, date_last_interaction);
CREATE INDEX session_by_kind_updated ON session (kind, date_updated, sid, date_created, date_last_interaction);
CREATE INDEX session_by_kind_last_interaction
  ON session (kind, ifnull(date_last_interaction, '0000-00-00T00:00:00.000Z'), sid, date_created, date_last_interaction);
