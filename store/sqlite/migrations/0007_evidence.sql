-- What a decision about a vanished row rests on: when a listing last showed each session, what somebody chose to keep,
-- what could not be read, and which runs speak for the whole account.

ALTER TABLE session ADD COLUMN kept_at TEXT;
ALTER TABLE interaction ADD COLUMN kept_at TEXT;

-- The last run whose listing showed the session, and when. A session may be listed before it is read.
CREATE TABLE session_listed (
  session_sid TEXT NOT NULL PRIMARY KEY,
  run INTEGER NOT NULL,
  listed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO session_listed
SELECT session_seen.session_sid, 0, service_sync.completed_at FROM session_seen JOIN service_sync USING (service_sid)
WHERE service_sync.completed_at IS NOT NULL;
DROP TABLE session_seen;

-- Sessions whose list took several pages, and was read once since it changed: a row may have fallen between two pages.
ALTER TABLE session_read ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;

-- Sessions, and Services, that could not be read though what is above them could; each run tries them again.
CREATE TABLE left_out (
  sid TEXT NOT NULL PRIMARY KEY,
  service_sid TEXT NOT NULL,
  since TEXT NOT NULL,
  error TEXT NOT NULL
) STRICT;

ALTER TABLE sync_run ADD COLUMN partial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sync_run ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
DELETE FROM sync_run WHERE number <= (SELECT max(number) FROM sync_run) - 1000
  AND number NOT IN (SELECT max(number) FROM sync_run WHERE outcome = 'complete' GROUP BY mode);
