"""Exports: a list of the API written to a file or a pipe, as JSON Lines, CSV or Parquet."""
