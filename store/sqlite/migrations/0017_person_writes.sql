-- Fewer steps for each participant that is written: the writer gives it its person, so that no trigger writes the row
-- again; the triggers do it for every other write. And fewer indexes: the sessions of a person are few enough to be
-- merged by their facets.

DROP INDEX session_person_any;
DROP INDEX session_person_any_updated;
DROP INDEX session_person_any_last_interaction;

DROP TRIGGER participant_has_person;
CREATE TRIGGER participant_has_person AFTER INSERT ON participant
WHEN NEW.identifier IS NOT NULL AND NEW.person IS NULL
BEGIN
  UPDATE participant SET person = coalesce(
    (SELECT person FROM participant WHERE identifier = NEW.identifier AND sid <> NEW.sid LIMIT 1),
    (SELECT max(person) + 1 FROM participant WHERE person IS NOT NULL),
    1
  ) WHERE sid = NEW.sid;
END;
DROP TRIGGER participant_changes_person;
CREATE TRIGGER participant_changes_person AFTER UPDATE OF identifier ON participant
WHEN NEW.identifier IS NOT OLD.identifier AND NEW.person IS OLD.person
BEGIN
  UPDATE participant SET person = iif(NEW.identifier IS NULL, NULL, coalesce(
    (SELECT person FROM participant WHERE identifier = NEW.identifier AND sid <> NEW.sid LIMIT 1),
    (SELECT max(person) + 1 FROM participant WHERE person IS NOT NULL),
    1
  )) WHERE sid = NEW.sid;
END;
CREATE TRIGGER new_person_is_followed AFTER INSERT ON participant WHEN NEW.person IS NOT NULL
BEGIN
  UPDATE interaction SET inbound_person = NEW.person WHERE inbound_participant_sid = NEW.sid;
  UPDATE interaction SET outbound_person = NEW.person WHERE outbound_participant_sid = NEW.sid;
  INSERT INTO session_person
  SELECT NEW.person, sid, kind, date_created, date_updated, date_last_interaction FROM session
  WHERE sid = NEW.session_sid ON CONFLICT DO NOTHING;
END;
