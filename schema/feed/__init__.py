"""The types of the change feed."""
