-- The Message and Call records that Twilio was asked to delete, and what became of each: its RecordState
-- (store/erasure/twilio_records.py), with the reason where it is still there. SIDs and times, no content.
CREATE TABLE twilio_record (
  sid TEXT NOT NULL PRIMARY KEY,
  interaction_sid TEXT NOT NULL,
  account_sid TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  requested_by TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  tried_at TEXT
) STRICT;
CREATE INDEX twilio_record_by_interaction ON twilio_record (interaction_sid);
CREATE INDEX twilio_record_open ON twilio_record (sid) WHERE state IN ('REQUESTED', 'INCOMPLETE', 'PENDING');
