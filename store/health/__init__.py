"""The archive's health, read from the file: how fresh it is, how large, what is pending, what was checked."""
