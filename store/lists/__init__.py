"""The parts of a list of rows: its relation, filters, orders and facets."""
