-- Finding the rows of one person, who is known by the identifier of their participants.
--
-- Participants with one identifier share a number, ``person``; interactions have the numbers of both legs, and
-- session_person those of a session's participants. So an index leads from an identifier to all that the person took
-- part in, in the order of the dates, and no other table has a copy of the identifier.

CREATE TABLE participant_kind (
  id INTEGER PRIMARY KEY,
  service_sid TEXT NOT NULL,
  date_deleted TEXT NOT NULL,
  UNIQUE (service_sid, date_deleted)
) STRICT;
CREATE TRIGGER participant_kind_inserted AFTER INSERT ON participant_kind BEGIN UPDATE archive SET data_version = random(); END;
CREATE TRIGGER participant_kind_updated AFTER UPDATE ON participant_kind BEGIN UPDATE archive SET data_version = random(); END;
CREATE TRIGGER participant_kind_deleted AFTER DELETE ON participant_kind BEGIN UPDATE archive SET data_version = random(); END;

ALTER TABLE participant ADD COLUMN kind INTEGER;
ALTER TABLE participant ADD COLUMN person INTEGER;
INSERT INTO participant_kind (service_sid, date_deleted)
SELECT DISTINCT service_sid, iif(date_deleted IS NULL, '', 'removed') FROM participant;
UPDATE participant SET kind = (
  SELECT id FROM participant_kind WHERE participant_kind.service_sid = participant.service_sid
    AND participant_kind.date_deleted = iif(participant.date_deleted IS NULL, '', 'removed')
);
CREATE INDEX participant_by_kind ON participant (kind, date_created, sid);
CREATE INDEX participant_by_kind_updated ON participant (kind, date_updated, sid);
CREATE INDEX participant_by_identifier
  ON participant (identifier, kind, date_created, sid, proxy_identifier, friendly_name) WHERE identifier IS NOT NULL;
CREATE INDEX participant_by_identifier_updated
  ON participant (identifier, kind, date_updated, sid, proxy_identifier, friendly_name) WHERE identifier IS NOT NULL;
CREATE INDEX participant_by_proxy_identifier
  ON participant (proxy_identifier, kind, date_created, sid, friendly_name) WHERE proxy_identifier IS NOT NULL;
CREATE INDEX participant_by_proxy_identifier_updated
  ON participant (proxy_identifier, kind, date_updated, sid, friendly_name) WHERE proxy_identifier IS NOT NULL;
CREATE INDEX participant_by_friendly_name
  ON participant (friendly_name, kind, date_created, sid) WHERE friendly_name IS NOT NULL;
CREATE INDEX participant_by_friendly_name_updated
  ON participant (friendly_name, kind, date_updated, sid) WHERE friendly_name IS NOT NULL;

UPDATE participant SET person = (
  SELECT same.rowid FROM participant AS same INDEXED BY participant_by_identifier
  WHERE same.identifier = participant.identifier ORDER BY kind, date_created, sid LIMIT 1
) WHERE identifier IS NOT NULL;
CREATE INDEX participant_by_person ON participant (person) WHERE person IS NOT NULL;

ALTER TABLE interaction ADD COLUMN inbound_person INTEGER;
ALTER TABLE interaction ADD COLUMN outbound_person INTEGER;
UPDATE interaction SET
  inbound_person = (SELECT person FROM participant WHERE participant.sid = interaction.inbound_participant_sid),
  outbound_person = (SELECT person FROM participant WHERE participant.sid = interaction.outbound_participant_sid);
CREATE INDEX interaction_by_inbound_person
  ON interaction (inbound_person, kind, date_created, sid) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_inbound_person_updated
  ON interaction (inbound_person, kind, date_updated, sid, date_created) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person
  ON interaction (outbound_person, kind, date_created, sid, inbound_person) WHERE outbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person_updated
  ON interaction (outbound_person, kind, date_updated, sid, date_created) WHERE outbound_person IS NOT NULL;

-- The sessions of each person, with the columns that sessions are filtered and ordered by.
CREATE TABLE session_person (
  person INTEGER NOT NULL,
  sid TEXT NOT NULL REFERENCES session (sid) ON DELETE CASCADE,
  kind INTEGER,
  date_created TEXT NOT NULL,
  date_updated TEXT NOT NULL,
  date_last_interaction TEXT,
  PRIMARY KEY (sid, person)
) STRICT, WITHOUT ROWID;
INSERT INTO session_person
SELECT DISTINCT person, session.sid, session.kind, session.date_created, session.date_updated, date_last_interaction
FROM participant JOIN session ON session.sid = session_sid WHERE person IS NOT NULL;
CREATE TRIGGER session_person_inserted AFTER INSERT ON session_person BEGIN UPDATE archive SET data_version = random(); END;
CREATE TRIGGER session_person_updated AFTER UPDATE ON session_person BEGIN UPDATE archive SET data_version = random(); END;
CREATE TRIGGER session_person_deleted AFTER DELETE ON session_person BEGIN UPDATE archive SET data_version = random(); END;
CREATE INDEX session_person_by_kind ON session_person (person, kind, date_created, sid, date_last_interaction);
CREATE INDEX session_person_by_kind_updated
  ON session_person (person, kind, date_updated, sid, date_created, date_last_interaction);
CREATE INDEX session_person_by_kind_last_interaction
  ON session_person (person, kind, ifnull(date_last_interaction, '0000-00-00T00:00:00.000Z'), sid, date_created,
                     date_last_interaction);

-- A new participant has the number of those with its identifier, or else a new one; so has one whose identifier changes.
CREATE TRIGGER participant_has_person AFTER INSERT ON participant WHEN NEW.identifier IS NOT NULL
BEGIN
  UPDATE participant SET person = coalesce(
    (SELECT person FROM participant WHERE identifier = NEW.identifier AND sid <> NEW.sid LIMIT 1),
    (SELECT max(person) + 1 FROM participant WHERE person IS NOT NULL),
    1
  ) WHERE sid = NEW.sid;
END;
CREATE TRIGGER participant_changes_person AFTER UPDATE OF identifier ON participant
WHEN NEW.identifier IS NOT OLD.identifier
BEGIN
  UPDATE participant SET person = iif(NEW.identifier IS NULL, NULL, coalesce(
    (SELECT person FROM participant WHERE identifier = NEW.identifier AND sid <> NEW.sid LIMIT 1),
    (SELECT max(person) + 1 FROM participant WHERE person IS NOT NULL),
    1
  )) WHERE sid = NEW.sid;
END;
-- What the person took part in follows, whichever of the rows is written first.
CREATE TRIGGER person_is_followed AFTER UPDATE OF person, session_sid ON participant
WHEN (NEW.person, NEW.session_sid) IS NOT (OLD.person, OLD.session_sid)
BEGIN
  UPDATE interaction SET inbound_person = NEW.person WHERE inbound_participant_sid = NEW.sid;
  UPDATE interaction SET outbound_person = NEW.person WHERE outbound_participant_sid = NEW.sid;
  DELETE FROM session_person WHERE sid = OLD.session_sid AND person = OLD.person
    AND NOT EXISTS (SELECT 1 FROM participant WHERE session_sid = OLD.session_sid AND person = OLD.person);
  INSERT INTO session_person
  SELECT NEW.person, sid, kind, date_created, date_updated, date_last_interaction FROM session
  WHERE sid = NEW.session_sid AND NEW.person IS NOT NULL ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER participant_leaves_person AFTER DELETE ON participant WHEN OLD.person IS NOT NULL
BEGIN
  UPDATE interaction SET inbound_person = NULL WHERE inbound_participant_sid = OLD.sid;
  UPDATE interaction SET outbound_person = NULL WHERE outbound_participant_sid = OLD.sid;
  DELETE FROM session_person WHERE sid = OLD.session_sid AND person = OLD.person
    AND NOT EXISTS (SELECT 1 FROM participant WHERE session_sid = OLD.session_sid AND person = OLD.person);
END;
CREATE TRIGGER session_is_followed AFTER UPDATE OF kind, date_created, date_updated, date_last_interaction ON session
WHEN (NEW.kind, NEW.date_created, NEW.date_updated, NEW.date_last_interaction)
  IS NOT (OLD.kind, OLD.date_created, OLD.date_updated, OLD.date_last_interaction)
BEGIN
  UPDATE session_person SET kind = NEW.kind, date_created = NEW.date_created, date_updated = NEW.date_updated,
    date_last_interaction = NEW.date_last_interaction WHERE sid = NEW.sid;
END;
