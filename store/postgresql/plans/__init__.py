"""The reads of compiled plans on PostgreSQL."""
