-- The keys that clients show, by their hashes alone. A revoked one stays: its name stands in the deletion ledger.

CREATE TABLE access_key (
  name TEXT NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  last_used_at TEXT
) STRICT;
