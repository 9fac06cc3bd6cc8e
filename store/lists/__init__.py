"""Lists of rows: relations, filters, orders and facets."""
