"""Limits on a GraphQL operation: tokens, document size, cost, SQL statements and time."""
