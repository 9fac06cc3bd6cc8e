"""Migrations: numbered SQL files that bring a database of PostgreSQL to the latest version, each in one transaction."""
