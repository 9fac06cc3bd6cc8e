-- What Twilio's callbacks brought: rows that the API hasn't confirmed yet, and sessions to read soon.

-- Rows that a callback wrote and that no list or fetch has confirmed since. ``is_only``: none has ever shown the row, so
-- one that lacks it doesn't say that it is gone.
CREATE TABLE callback_row (
  sid TEXT NOT NULL PRIMARY KEY,
  session_sid TEXT,
  received_at TEXT NOT NULL,
  is_only INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX callback_row_by_session ON callback_row (session_sid) WHERE session_sid IS NOT NULL;
CREATE TRIGGER interaction_leaves_callback_row AFTER DELETE ON interaction BEGIN
  DELETE FROM callback_row WHERE sid = OLD.sid;
END;
CREATE TRIGGER session_leaves_callback_row AFTER DELETE ON session BEGIN
  DELETE FROM callback_row WHERE sid = OLD.sid;
END;
CREATE TRIGGER service_leaves_callback_row AFTER DELETE ON service BEGIN
  DELETE FROM callback_row WHERE sid = OLD.sid;
END;

-- Sessions that callbacks reported on, and that are to be read for what a callback can't say. ``reports`` counts the
-- callbacks, so that one that comes during a read is not forgotten; a worker reads a session until ``leased_until``.
CREATE TABLE callback_session (
  session_sid TEXT NOT NULL PRIMARY KEY REFERENCES session (sid) ON DELETE CASCADE,
  service_sid TEXT NOT NULL,
  reports INTEGER NOT NULL DEFAULT 1,
  due_at TEXT NOT NULL,
  leased_until TEXT NOT NULL DEFAULT '',
  failures INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX callback_session_by_due ON callback_session (due_at);

ALTER TABLE archive ADD COLUMN last_callback_at TEXT;
