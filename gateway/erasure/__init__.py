"""Erasing on request: what a question selects, the run, and the receipt."""
