"""Answers the schema's fields: resolvers, compiled plans, dataloaders, paging, the mutation and errors."""
