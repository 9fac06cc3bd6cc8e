"""Sync: copies a Twilio account into the archive, and keeps the copy up to date."""
