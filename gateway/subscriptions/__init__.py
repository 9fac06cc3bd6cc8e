"""Subscriptions: over graphql-sse (server-sent events) and graphql-transport-ws (WebSockets)."""
