"""Copies an archive from one engine to the other, resumably, and compares the copy with it."""
