"""The change feed: resolvers of its pages."""
