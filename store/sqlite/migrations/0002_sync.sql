-- What the mirror of Twilio needs to know: whose account this is, what was read, how each run went.

ALTER TABLE archive ADD COLUMN account_sid TEXT;

-- Sessions whose contents were read completely while they were as their row says.
CREATE TABLE session_read (
  session_sid TEXT NOT NULL PRIMARY KEY REFERENCES session (sid) ON DELETE CASCADE,
  read_at TEXT NOT NULL
) STRICT;

-- Sessions that the sweep under way has met, by service.
CREATE TABLE session_seen (
  service_sid TEXT NOT NULL,
  session_sid TEXT NOT NULL,
  PRIMARY KEY (service_sid, session_sid)
) STRICT, WITHOUT ROWID;

CREATE TABLE service_sync (
  service_sid TEXT NOT NULL PRIMARY KEY REFERENCES service (sid) ON DELETE CASCADE,
  completed_at TEXT,
  sessions_pending INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE sync_run (
  number INTEGER PRIMARY KEY,
  mode TEXT NOT NULL,
  started_at TEXT NOT NULL,
  alive_at TEXT NOT NULL,
  finished_at TEXT,
  outcome TEXT,
  error TEXT,
  sessions_pending INTEGER NOT NULL DEFAULT 0,
  services INTEGER NOT NULL DEFAULT 0,
  sessions INTEGER NOT NULL DEFAULT 0,
  interactions INTEGER NOT NULL DEFAULT 0,
  new INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  archived INTEGER NOT NULL DEFAULT 0,
  erased INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  retries INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Whether Twilio was to delete it too: then a deletion that was cut off is finished there first.
ALTER TABLE deletion ADD COLUMN at_twilio INTEGER NOT NULL DEFAULT 0;

-- A session that was deleted stays out as an interaction does.
CREATE TRIGGER deleted_session_stays_out BEFORE INSERT ON session
WHEN EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = NEW.sid)
BEGIN
  SELECT RAISE(IGNORE);
END;
