-- Erasure on request: cases, their runs and what each selected; erased participants; known legal holds.

CREATE TABLE erasure_case (
  reference TEXT NOT NULL PRIMARY KEY,
  account_sid TEXT,
  begun_at TEXT NOT NULL
) STRICT;

-- The question has SIDs and dates as they were given, and a dot for each character of what names a person.
CREATE TABLE erasure_run (
  id INTEGER PRIMARY KEY,
  reference TEXT NOT NULL REFERENCES erasure_case (reference),
  requested_by TEXT NOT NULL,
  question TEXT NOT NULL,
  options TEXT NOT NULL,
  begun_at TEXT NOT NULL,
  ended_at TEXT
) STRICT;

-- Each Interaction and Participant that was selected; the outcome is null until it is known.
CREATE TABLE erasure_case_item (
  reference TEXT NOT NULL REFERENCES erasure_case (reference),
  sid TEXT NOT NULL,
  run INTEGER NOT NULL,
  outcome TEXT,
  reason TEXT,
  at TEXT,
  PRIMARY KEY (reference, sid)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_case_item_open ON erasure_case_item (reference, sid) WHERE outcome IS NOT 'ERASED';

-- What Twilio refused to delete because of a legal hold, until it is deleted.
CREATE TABLE legal_hold (
  sid TEXT NOT NULL PRIMARY KEY,
  noted_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- An erased participant keeps its SID, and never gets back what names the person. Writer.put writes such rows without it;
-- these triggers hold for every other write.
CREATE TRIGGER erased_participant_is_not_inserted_whole BEFORE INSERT ON participant
WHEN coalesce(NEW.friendly_name, NEW.identifier, NEW.proxy_identifier, NEW.proxy_identifier_sid, NEW.extra) IS NOT NULL
  AND EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = NEW.sid)
BEGIN
  SELECT RAISE(IGNORE);
END;
CREATE TRIGGER erased_participant_is_not_filled_again BEFORE UPDATE ON participant
WHEN coalesce(NEW.friendly_name, NEW.identifier, NEW.proxy_identifier, NEW.proxy_identifier_sid, NEW.extra) IS NOT NULL
  AND EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = NEW.sid)
BEGIN
  SELECT RAISE(IGNORE);
END;
