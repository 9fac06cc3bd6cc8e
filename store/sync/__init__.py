"""The sync's state in the archive, and how fresh the archive is."""
