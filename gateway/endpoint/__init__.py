"""The /graphql endpoint: reads GraphQL requests over HTTP, executes them and responds."""
