"""PostgreSQL's side of exports: snapshots, and the SQL that writes a row in an export's format."""
