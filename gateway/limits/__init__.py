"""Limits of a GraphQL operation: tokens, size, cost, statements and time."""
