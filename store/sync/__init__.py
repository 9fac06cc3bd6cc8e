"""The sync's state in the archive, and how up to date the archive is."""
