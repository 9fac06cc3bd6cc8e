"""Backups: made while the archive is served, noted, looked through after an erasure, and restored."""
