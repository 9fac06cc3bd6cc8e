"""The command that copies an archive from one engine to the other."""
