"""The archive's health, read from the file: how up to date and how large it is, what is pending, what was checked."""
