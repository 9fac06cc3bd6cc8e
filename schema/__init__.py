"""The GraphQL schema that clients see: the Strawberry types, and their SDL in schema.graphql."""
