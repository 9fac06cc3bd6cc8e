"""Removes the remains of interrupted copies of a database."""
