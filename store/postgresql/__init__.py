"""PostgreSQL: how an archive is kept in one of its databases."""
