"""PostgreSQL's SQL of lists: pages and counts, by the access path that fits."""
