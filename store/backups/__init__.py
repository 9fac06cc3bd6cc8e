"""Backups: making them while the archive is served, recording them, searching them for erased rows, restoring them."""
