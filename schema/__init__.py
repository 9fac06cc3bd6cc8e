"""What clients see: the Strawberry types, and their printed form in schema.graphql."""
