"""/graphql: from an HTTP request to a GraphQL result, and back."""
