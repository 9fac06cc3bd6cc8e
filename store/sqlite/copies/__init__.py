"""What is left of copies of a database that were interrupted."""
