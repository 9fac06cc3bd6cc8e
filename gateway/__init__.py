"""The gateway: HTTP, GraphQL over it, authentication, limits, Twilio, sync, settings and commands."""
