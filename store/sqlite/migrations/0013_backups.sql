-- The backups that were made of this archive, so that whoever erases knows which copies there are. One without
-- finished_at is being made, or was interrupted.

CREATE TABLE backup (
  number INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  begun_at TEXT NOT NULL,
  finished_at TEXT,
  bytes INTEGER,
  services INTEGER,
  sessions INTEGER,
  participants INTEGER,
  interactions INTEGER
) STRICT;
CREATE INDEX backup_by_path ON backup (path);
