-- The databases into which this archive was copied, and the one that it was copied from, so that whoever erases knows
-- where else the rows may be. One without finished_at is an unfinished copy, or one that is being made.

CREATE TABLE archive_copy (
  target TEXT PRIMARY KEY,
  begun_at TEXT NOT NULL,
  finished_at TEXT
) STRICT;
