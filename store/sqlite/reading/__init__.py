"""Reads of SQLite: read connections, in threads and on the event loop, and the reader of a request."""
