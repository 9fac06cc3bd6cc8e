"""Twilio's callbacks in the archive: rows that they bring, and what the API still has to confirm."""
