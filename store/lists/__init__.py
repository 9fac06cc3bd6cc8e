"""What a list of rows is: its relation, filters, orders and facets."""
