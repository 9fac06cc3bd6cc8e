"""Sync: mirrors a Twilio account into the archive."""
