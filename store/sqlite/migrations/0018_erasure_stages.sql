-- The stages of an erasure after ``erased_at``: purged from the tables, then out of the log, which is ``closed_at``.
-- ``log_position`` is where PostgreSQL's log was when the tables had been rewritten. SQLite's cleaning does both at once.

ALTER TABLE deletion ADD COLUMN purged_at TEXT;
ALTER TABLE deletion ADD COLUMN log_position INTEGER;
UPDATE deletion SET purged_at = closed_at WHERE closed_at IS NOT NULL;
