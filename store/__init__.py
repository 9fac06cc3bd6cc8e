"""Rows: the archive of Services, Sessions, Participants and Interactions, and the only place that knows SQL."""
